import { Group, Skeleton, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { api } from '../../api/client'
import { amount, metrics, type Metric } from '../../format/number'
import { dayUTC, hour, hourOfDay } from '../../format/time'
import { Card } from '../../ui/Card'
import { Chart } from '../../ui/Chart'
import { useNow } from '../../ui/Time'
import { View } from '../../ui/View'
import { fresh } from './OverviewPage'
import { bucketsOf, stepOf, type Range } from './range'

const outcomes: Record<string, string> = { answered: 'answered', refused: 'refused by a limit', providerFailed: 'provider failed', clientGone: 'user left', failed: 'failed here' }

/** UsageCard shows usage over time. Hours are in the user's zone; days are UTC, as limits count. */
export function UsageCard({ projectId, range, by, metric, controls }: { projectId: string; range: Range; by: 'model' | 'tier' | 'outcome'; metric: Metric; controls: ReactNode }) {
  const now = useNow()
  const step = stepOf(range)
  const usage = api.useQuery('get', '/api/projects/{projectId}/usage', { params: { path: { projectId }, query: { ...bucketsOf(range, now), by: step, split: by, metric } } }, fresh)
  const versions = api.useQuery('get', '/api/projects/{projectId}/settings/versions', { params: { path: { projectId }, query: { limit: 20 } } })
  const nameOf = (key: string) => (by === 'outcome' ? (outcomes[key] ?? key) : key === '' ? 'no tier' : key)
  const label = metrics.find((m) => m.value === metric)!.label
  return (
    <Card title={`${label} by ${by}`}>
      <Group mb="sm">{controls}</Group>
      <View query={usage} skeleton={<Skeleton height={300} />}>
        {(data) => (
          <>
            <Chart
              title={`${label} by ${by}`}
              keys={data.keys}
              buckets={data.buckets}
              write={(n) => amount(metric, n)}
              writeAt={step === 'hour' ? hourOfDay : (at) => `${dayUTC(at)} UTC`}
              writeEdge={step === 'hour' ? (range === '24h' ? hour : hourOfDay) : dayUTC}
              nameOf={nameOf}
              marks={(versions.data?.items ?? []).map((v) => ({ at: v.at, text: `v${v.version}: ${v.changes.map((c) => c.text).join('; ')}` }))}
            />
            <Text size="xs" c="dimmed" mt={8}>
              {step === 'hour' ? 'Each bar is an hour, in your time.' : 'Each bar is a day in UTC, as limits count.'} {(versions.data?.items.length ?? 0) > 0 ? 'Triangles: the settings were changed.' : ''}
            </Text>
          </>
        )}
      </View>
    </Card>
  )
}
