import { Group, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { api } from '../../api/client'
import { percent, type Metric } from '../../format/number'
import { Card } from '../../ui/Card'
import { Figure } from '../../ui/Figure'
import { Meter } from '../../ui/Meter'
import { useNow } from '../../ui/Time'
import { View } from '../../ui/View'
import { fresh } from './OverviewPage'
import { daysOf, type Range } from './range'

const words: Record<Metric, string> = { requests: 'requests', tokens: 'tokens', costUsd: 'cost' }

/** TopUsersCard lists the users with the most usage. Their figures are kept by day, in UTC. */
export function TopUsersCard({ projectId, range, metric }: { projectId: string; range: Range; metric: Metric }) {
  const now = useNow()
  const top = api.useQuery('get', '/api/projects/{projectId}/usage/top', { params: { path: { projectId }, query: { ...daysOf(range, now), of: 'identity', metric, limit: 6 } } }, fresh)
  return (
    <Card title={`Top users by ${words[metric]}`}>
      <View query={top}>
        {({ items, complete }) =>
          items.length === 0 ? (
            <Text size="sm" c="dimmed">
              No usage yet.
            </Text>
          ) : (
            <Stack gap={10}>
              {items.map((item) => (
                <div key={item.key}>
                  <Group justify="space-between" wrap="nowrap" gap="xs">
                    <Text size="sm" truncate>
                      <Link className="plain" to="/p/$projectId/users" params={{ projectId }} search={{ user: item.key }}>
                        {item.key}
                      </Link>
                    </Text>
                    <Text size="sm" className="num" style={{ whiteSpace: 'nowrap' }}>
                      {complete ? '' : '≈ '}
                      <Figure metric={metric} value={item[metric]} />{' '}
                      <Text span c="dimmed" size="sm">
                        {percent(item.share)}
                      </Text>
                    </Text>
                  </Group>
                  <Meter part={Math.min(item.share, 0.79)} />
                </div>
              ))}
            </Stack>
          )
        }
      </View>
      <Text size="xs" c="dimmed" mt="sm">
        {range === '24h' ? 'Today, in UTC.' : 'By days in UTC.'}
      </Text>
    </Card>
  )
}
