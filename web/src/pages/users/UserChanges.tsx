import { Stack, Text } from '@mantine/core'
import { api } from '../../api/client'
import { Time } from '../../ui/Time'
import { View } from '../../ui/View'
import { actorName } from '../overview/ChangesCard'

const actions: Record<string, string> = { create: 'created', gift: 'credits given', promo: 'limits lifted', reset: 'usage reset', update: 'settings changed', set: 'settings changed', delete: 'settings deleted' }

/** UserChanges lists who has changed what for a user. */
export function UserChanges({ projectId, user }: { projectId: string; user: string }) {
  const audit = api.useQuery('get', '/api/projects/{projectId}/audit', { params: { path: { projectId }, query: { identity: user, limit: 50 } } })
  return (
    <View query={audit}>
      {({ items }) =>
        items.length === 0 ? (
          <Text size="sm" c="dimmed">
            Nobody has changed anything for this user.
          </Text>
        ) : (
          <Stack gap="sm">
            {items.map((entry) => (
              <div key={entry.id}>
                <Text size="sm" fw={500}>
                  {actions[entry.action] ?? entry.action}
                  {entry.reason ? <Text span fw={400}>: {entry.reason}</Text> : null}
                </Text>
                {details(entry.detail, entry.changes).map((line) => (
                  <Text key={line} size="sm" className="break">
                    {line}
                  </Text>
                ))}
                <Text size="xs" c="dimmed" className="break">
                  <Time at={entry.at} /> · {actorName(entry.actor)}
                </Text>
              </div>
            ))}
          </Stack>
        )
      }
    </View>
  )
}

/** details writes the figures of an entry, and what was changed. */
function details(detail: unknown, changes: { text: string }[]): string[] {
  const figures = detail && typeof detail === 'object' ? Object.entries(detail).map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`) : []
  return [...figures, ...changes.map((c) => c.text)]
}
