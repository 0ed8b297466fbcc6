import { Badge, Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { useMayChange } from '../../session/me'
import { Code } from '../../ui/Code'
import { Confirm } from '../../ui/Confirm'
import { done } from '../../ui/notify'
import { Page } from '../../ui/Page'
import { Time } from '../../ui/Time'
import { Rows, View } from '../../ui/View'
import { restore, settled } from '../limits/Review'
import { actorName } from '../overview/ChangesCard'
import { AnchorLink } from '../../ui/links'

type Version = Schemas['SettingsVersion']

/** HistoryPage lists the versions of the settings; each can be looked at, and restored. */
export function HistoryPage() {
  const { projectId } = useParams({ from: '/signed-in/framed/p/$projectId/limits/history' })
  const { v } = useSearch({ from: '/signed-in/framed/p/$projectId/limits/history' })
  const navigate = useNavigate({ from: '/p/$projectId/limits/history' })
  const mayChange = useMayChange(projectId)
  const project = api.useQuery('get', '/api/projects/{projectId}', { params: { path: { projectId } } })
  const list = api.useInfiniteQuery(
    'get',
    '/api/projects/{projectId}/settings/versions',
    { params: { path: { projectId }, query: { limit: 50 } } },
    { pageParamName: 'cursor', initialPageParam: null as string | null, getNextPageParam: (page) => page.nextCursor ?? undefined },
  )
  const [restoring, setRestoring] = useState<Version | null>(null)
  const items = list.data?.pages.flatMap((page) => page.items)
  const present = project.data?.version
  return (
    <Page
      title="History"
      beside={
        <AnchorLink to="/p/$projectId/limits" params={{ projectId }} size="sm">
          Back to Limits
        </AnchorLink>
      }
    >
      <View query={{ data: items, error: list.error, isPending: list.isPending, refetch: list.refetch }} skeleton={<Rows count={6} height={72} />}>
        {(versions) => (
          <Stack gap="sm">
            {versions.map((version) => (
              <Paper key={version.version} p="md" component="article" aria-label={`Version ${version.version}`}>
                <Group justify="space-between" align="flex-start" gap="sm">
                  <div style={{ minWidth: 0 }}>
                    <Group gap={8}>
                      <Title order={2}>v{version.version}</Title>
                      {version.version === present && <Badge>in force</Badge>}
                      <Text size="sm" c="dimmed" className="break">
                        <Time at={version.at} /> · {actorName(version.by)}
                      </Text>
                    </Group>
                    {version.reason && <Text size="sm" className="break">“{version.reason}”</Text>}
                  </div>
                  <Group gap="xs">
                    <Button size="compact-sm" variant="default" onClick={() => navigate({ search: { v: v === String(version.version) ? undefined : String(version.version) } })} aria-expanded={v === String(version.version)}>
                      {v === String(version.version) ? 'Hide' : 'Show'}
                    </Button>
                    {mayChange && version.version !== present && (
                      <Button size="compact-sm" variant="default" onClick={() => setRestoring(version)}>
                        Restore
                      </Button>
                    )}
                  </Group>
                </Group>
                <ul className="changes">
                  {version.changes.length === 0 && <li>The project was created</li>}
                  {version.changes.map((c) => (
                    <li key={c.path} className="break">
                      {c.text}
                    </li>
                  ))}
                </ul>
                {v === String(version.version) && <Document projectId={projectId} n={version.version} />}
              </Paper>
            ))}
            {list.hasNextPage && (
              <Button variant="default" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
                Older versions
              </Button>
            )}
          </Stack>
        )}
      </View>
      <Confirm
        opened={restoring !== null}
        onClose={() => setRestoring(null)}
        title={`Restore v${restoring?.version}?`}
        action="Restore"
        withReason
        run={async (reason) => {
          const { data } = await restore(projectId, restoring!.version, present!, reason)
          settled(projectId, data as Schemas['Project'])
          await list.refetch()
          done(`The settings of v${restoring!.version} are in force.`)
        }}
      >
        All settings become those of then, as a new version. Provider keys stay what they are now.
      </Confirm>
    </Page>
  )
}

function Document({ projectId, n }: { projectId: string; n: number }) {
  const version = api.useQuery('get', '/api/projects/{projectId}/settings/versions/{n}', { params: { path: { projectId, n } } })
  return <View query={version}>{(data) => <Code label={`The settings of v${n}`} text={JSON.stringify(data.settings, null, 2)} />}</View>
}
