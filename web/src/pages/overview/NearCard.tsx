import { Group, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { api } from '../../api/client'
import { exactAmount } from '../../format/number'
import { Card } from '../../ui/Card'
import { Meter } from '../../ui/Meter'
import { Time } from '../../ui/Time'
import { View } from '../../ui/View'
import { fresh } from './OverviewPage'

/** NearCard lists the users that have used most of a limit. */
export function NearCard({ projectId }: { projectId: string }) {
  const near = api.useQuery('get', '/api/projects/{projectId}/limits/near', { params: { path: { projectId }, query: { limit: 6 } } }, fresh)
  return (
    <Card title="Close to a limit">
      <View query={near}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm" c="dimmed">
              Nobody has used 80 % of a limit in this period.
            </Text>
          ) : (
            <Stack gap={10}>
              {items.map((item) => (
                <div key={`${item.identity} ${item.metric} ${item.model}`}>
                  <Group justify="space-between" wrap="nowrap" gap="xs">
                    <Text size="sm" truncate>
                      <Link className="plain" to="/p/$projectId/users" params={{ projectId }} search={{ user: item.identity }}>
                        {item.identity}
                      </Link>{' '}
                      <Text span c="dimmed" size="sm">
                        {item.tier ?? 'everyone'}
                        {item.model ? ` · ${item.model}` : ''}
                      </Text>
                    </Text>
                    <Text size="sm" className="num" style={{ whiteSpace: 'nowrap' }}>
                      {exactAmount(item.metric, item.used)} / {exactAmount(item.metric, item.limit)}
                    </Text>
                  </Group>
                  <Group gap="sm" wrap="nowrap">
                    <div style={{ flex: 1 }}>
                      <Meter part={item.limit > 0 ? item.used / item.limit : 1} />
                    </div>
                    <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
                      resets <Time at={item.resetsAt} />
                    </Text>
                  </Group>
                </div>
              ))}
            </Stack>
          )
        }
      </View>
    </Card>
  )
}
