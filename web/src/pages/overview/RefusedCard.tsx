import { Group, Stack, Text } from '@mantine/core'
import { api } from '../../api/client'
import { compact } from '../../format/number'
import { Card } from '../../ui/Card'
import { useNow } from '../../ui/Time'
import { View } from '../../ui/View'
import { fresh } from './OverviewPage'
import { bucketsOf, stepOf, type Range } from './range'

/** The meaning of a code, in a few words. docs/errors.md has all. */
const reasons: Record<string, string> = {
  limit_exceeded: 'a limit was used up',
  burst_exceeded: 'too many in a minute',
  concurrency_exceeded: 'too many at the same time',
  missing_identity: 'the request named no user',
  invalid_identity: 'the user’s name was not valid',
  model_not_allowed: 'the model is not allowed',
  unknown_model: 'no provider for the model',
  unpriced_model: 'the model has no price',
  missing_provider_key: 'no key for the provider',
  identity_disabled: 'the user is disabled',
  security_blocked: 'the guard stopped it',
  origin_not_allowed: 'the web page is not allowed',
  invalid_request: 'the request was not valid',
  unbounded_cost: 'its cost had no bound',
}

/** RefusedCard says how many requests were refused, and why. */
export function RefusedCard({ projectId, range }: { projectId: string; range: Range }) {
  const now = useNow()
  const refused = api.useQuery('get', '/api/projects/{projectId}/usage', { params: { path: { projectId }, query: { ...bucketsOf(range, now), by: stepOf(range), split: 'code', metric: 'refused' } } }, fresh)
  return (
    <Card title="Refused, and why">
      <View query={refused}>
        {(data) => {
          const rows = data.keys.map((key, i) => ({ key, n: data.totals[i] ?? 0 })).filter((row) => row.n > 0)
          if (rows.length === 0) {
            return (
              <Text size="sm" c="dimmed">
                No request was refused.
              </Text>
            )
          }
          return (
            <Stack gap={8}>
              {rows.map((row) => (
                <Group key={row.key} justify="space-between" wrap="nowrap" gap="xs">
                  <Text size="sm">
                    {reasons[row.key] ?? row.key}{' '}
                    {reasons[row.key] && (
                      <Text span size="xs" c="dimmed" ff="monospace">
                        {row.key}
                      </Text>
                    )}
                  </Text>
                  <Text size="sm" className="num">
                    {compact(row.n)}
                  </Text>
                </Group>
              ))}
            </Stack>
          )
        }}
      </View>
    </Card>
  )
}
