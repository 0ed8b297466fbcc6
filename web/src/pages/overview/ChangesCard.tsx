import { Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { api, type Schemas } from '../../api/client'
import { Card } from '../../ui/Card'
import { Time } from '../../ui/Time'
import { View } from '../../ui/View'

/** actorName is how an actor is called. */
export function actorName(by: Schemas['Actor']): string {
  if (by.email) return by.email
  return { user: 'a member', secretKey: 'your server', cli: 'the command line', system: 'the server itself' }[by.kind] ?? by.kind
}

/** ChangesCard lists the last changes of the settings. */
export function ChangesCard({ projectId }: { projectId: string }) {
  const versions = api.useQuery('get', '/api/projects/{projectId}/settings/versions', { params: { path: { projectId }, query: { limit: 20 } } })
  return (
    <Card title="What changed">
      <View query={versions}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm" c="dimmed">
              No change yet.
            </Text>
          ) : (
            <Stack gap={10}>
              {items.slice(0, 5).map((v) => (
                <div key={v.version}>
                  <Text size="sm" className="break" lineClamp={2}>
                    <Link className="plain" to="/p/$projectId/limits/history" params={{ projectId }} search={{ v: String(v.version) }}>
                      {v.changes.map((c) => c.text).join('; ') || 'The project was created'}
                    </Link>
                  </Text>
                  <Text size="xs" c="dimmed" className="break">
                    <Time at={v.at} /> · {actorName(v.by)}
                  </Text>
                </div>
              ))}
            </Stack>
          )
        }
      </View>
    </Card>
  )
}
