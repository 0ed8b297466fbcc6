import { Group, SegmentedControl, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core'
import { keepPreviousData } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { api } from '../../api/client'
import { useLive } from '../../api/live'
import { metrics } from '../../format/number'
import { ranges, splits } from '../../router'
import { Page } from '../../ui/Page'
import { View } from '../../ui/View'
import { ChangesCard } from './ChangesCard'
import { ExposureCard } from './ExposureCard'
import { NearCard } from './NearCard'
import { NoRequestYet } from './NoRequestYet'
import { RefusedCard } from './RefusedCard'
import { Stats } from './Stats'
import { TopUsersCard } from './TopUsersCard'
import { UsageCard } from './UsageCard'

/** While the page is seen, its figures are read again at this interval. Old ones stay until new ones are there. */
export const fresh = { refetchInterval: 30_000, placeholderData: keepPreviousData } as const

export function OverviewPage() {
  const { projectId } = useParams({ from: '/signed-in/framed/p/$projectId/overview' })
  const { range = '24h', by = 'model', metric = 'requests' } = useSearch({ from: '/signed-in/framed/p/$projectId/overview' })
  const navigate = useNavigate({ from: '/p/$projectId/overview' })
  const choose = (change: Record<string, string>) =>
    navigate({ search: (was) => without({ ...was, ...change }, { range: '24h', by: 'model', metric: 'requests' }) })
  const overview = api.useQuery('get', '/api/projects/{projectId}/overview', { params: { path: { projectId }, query: { range } } }, fresh)
  const rangeText = { '24h': '24 hours', '7d': '7 days', '30d': '30 days', '90d': '90 days' }[range]
  const empty = overview.data?.lastRequestAt === null
  return (
    <Page
      title="Overview"
      beside={
        <Group gap="sm">
          <LiveRate projectId={projectId} />
          <SegmentedControl aria-label="Time range" value={range} onChange={(value) => choose({ range: value })} data={[...ranges]} />
        </Group>
      }
    >
      <Stack>
        {empty && <NoRequestYet projectId={projectId} />}
        <View query={overview} skeleton={<StatsSkeleton />}>
          {(figures) => <Stats figures={figures} rangeText={rangeText} />}
        </View>
        <UsageCard
          projectId={projectId}
          range={range}
          by={by}
          metric={metric}
          controls={
            <Group gap="xs">
              <SegmentedControl aria-label="Split by" value={by} onChange={(value) => choose({ by: value })} data={splits.map((value) => ({ value, label: `by ${value}` }))} />
              <SegmentedControl aria-label="Metric" value={metric} onChange={(value) => choose({ metric: value })} data={metrics} />
            </Group>
          }
        />
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <NearCard projectId={projectId} />
          <RefusedCard projectId={projectId} range={range} />
          <TopUsersCard projectId={projectId} range={range} metric={metric} />
          <ChangesCard projectId={projectId} />
        </SimpleGrid>
        <ExposureCard projectId={projectId} />
      </Stack>
    </Page>
  )
}

/** without leaves out what has its default, so that addresses are short. */
function without<T extends Record<string, unknown>>(search: T, defaults: Record<string, unknown>): T {
  return Object.fromEntries(Object.entries(search).filter(([name, value]) => defaults[name] !== value)) as T
}

function StatsSkeleton() {
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }}>
      {[0, 1, 2, 3, 4].map((i) => (
        <Skeleton key={i} height={116} />
      ))}
    </SimpleGrid>
  )
}

/** LiveRate shows how many requests come in a second. Without the stream it is gone, not wrong. */
function LiveRate({ projectId }: { projectId: string }) {
  const [perSecond, setPerSecond] = useState(0)
  const open = useLive(projectId, { tick: (tick) => setPerSecond(tick.perSecond) })
  if (!open) return null
  return (
    <Group gap={6} wrap="nowrap">
      <span className="live-dot" />
      <Text size="sm" c="dimmed" className="num">
        live {perSecond}/s
      </Text>
    </Group>
  )
}
