import { Badge, Button, Group, Stack, Table, Text } from '@mantine/core'
import { useState } from 'react'
import { api, http, queries, type Schemas } from '../../api/client'
import { useMe } from '../../session/me'
import { Card } from '../../ui/Card'
import { Confirm } from '../../ui/Confirm'
import { done } from '../../ui/notify'
import { Page } from '../../ui/Page'
import { Time } from '../../ui/Time'
import { View } from '../../ui/View'

type Session = Schemas['Session']

export function AccountPage() {
  const user = useMe().data?.user
  const sessions = api.useQuery('get', '/api/auth/sessions')
  const [ending, setEnding] = useState<Session | 'others' | null>(null)
  const end = async () => {
    if (ending === 'others') await http.DELETE('/api/auth/sessions')
    else if (ending) await http.DELETE('/api/auth/sessions/{session}', { params: { path: { session: ending.id } } })
    if (ending !== 'others' && ending?.current) {
      location.assign('/login')
      return
    }
    await queries.invalidateQueries({ queryKey: ['get', '/api/auth/sessions'] })
    done(ending === 'others' ? 'All other sessions have ended.' : 'The session has ended.')
  }
  return (
    <Page title="Account">
      <Stack>
        <Card title="You">
          <Text className="break">{user?.email}</Text>
          {user && (
            <Text size="sm" c="dimmed">
              Since <Time at={user.createdAt} />. You sign in by a mail to this address; there is no password.
            </Text>
          )}
        </Card>
        <Card
          title="Sessions"
          beside={
            (sessions.data?.items.length ?? 0) > 1 ? (
              <Button size="xs" variant="default" onClick={() => setEnding('others')}>
                Sign out everywhere else
              </Button>
            ) : null
          }
        >
          <View query={sessions}>
            {({ items }) => (
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th scope="col">Browser</Table.Th>
                    <Table.Th scope="col">Last use</Table.Th>
                    <Table.Th scope="col">
                      <span className="sr">Actions</span>
                    </Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((s) => (
                    <Table.Tr key={s.id}>
                      <Table.Td>
                        <Group gap={8}>
                          {s.device || 'Unknown browser'}
                          {s.current && <Badge>this one</Badge>}
                        </Group>
                        <Text size="xs" c="dimmed" className="break">
                          {s.ip}
                        </Text>
                      </Table.Td>
                      <Table.Td>
                        <Time at={s.lastSeenAt} />
                        <Text size="xs" c="dimmed">
                          signed in <Time at={s.createdAt} />
                        </Text>
                      </Table.Td>
                      <Table.Td ta="right">
                        <Button size="compact-sm" variant="default" onClick={() => setEnding(s)}>
                          Sign out
                        </Button>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            )}
          </View>
        </Card>
      </Stack>
      <Confirm opened={ending !== null} onClose={() => setEnding(null)} title={ending === 'others' ? 'Sign out everywhere else?' : 'Sign this browser out?'} action="Sign out" run={end}>
        {ending === 'others' ? 'All sessions but this one end at once.' : ending?.current ? 'You will have to sign in again here.' : 'The session ends at once. Changes that are not saved there are lost.'}
      </Confirm>
    </Page>
  )
}
