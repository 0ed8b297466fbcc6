import { Badge, Button, Group, Paper, SimpleGrid, Skeleton, Stack, Text, Title } from '@mantine/core'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { api, http, queries, type Schemas } from '../../api/client'
import { compact, money } from '../../format/number'
import { me, useMe } from '../../session/me'
import { Icon } from '../../ui/Icon'
import { done } from '../../ui/notify'
import { Page } from '../../ui/Page'
import { Time } from '../../ui/Time'
import { Failure, View } from '../../ui/View'
import { NewProject } from './NewProject'
import { ButtonLink } from '../../ui/links'

export function ProjectsPage() {
  const { create } = useSearch({ from: '/signed-in/framed/projects' })
  const navigate = useNavigate()
  const list = api.useInfiniteQuery(
    'get',
    '/api/projects',
    { params: { query: { limit: 100 } } },
    { pageParamName: 'cursor', initialPageParam: null as string | null, getNextPageParam: (page) => page.nextCursor ?? undefined },
  )
  const items = list.data?.pages.flatMap((page) => page.items)
  const none = items?.length === 0
  const asked = create || none
  const query = { data: items, error: list.error, isPending: list.isPending, refetch: list.refetch }
  return (
    <Page
      title={none ? 'Your first project' : asked ? 'New project' : 'Projects'}
      beside={
        asked ? (
          none ? null : (
            <Button variant="default" onClick={() => navigate({ to: '/projects', search: {} })}>
              Cancel
            </Button>
          )
        ) : (
          <ButtonLink to="/projects" search={{ create: true }} leftSection={<Icon name="plus" />}>
            New project
          </ButtonLink>
        )
      }
    >
      <Invitations />
      <View query={query} skeleton={<Skeletons />}>
        {(projects) =>
          asked ? (
            <NewProject />
          ) : (
            <>
              <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
                {projects.map((project) => (
                  <ProjectCard key={project.projectId} project={project} />
                ))}
              </SimpleGrid>
              {list.hasNextPage && (
                <Button mt="md" variant="default" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
                  More projects
                </Button>
              )}
            </>
          )
        }
      </View>
    </Page>
  )
}

function Skeletons() {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
      <Skeleton height={132} />
      <Skeleton height={132} />
      <Skeleton height={132} />
    </SimpleGrid>
  )
}

function ProjectCard({ project }: { project: Schemas['ListedProject'] }) {
  const quiet = project.lastRequestAt === null
  return (
    <Paper p="md" component="article">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Title order={2} className="break">
          <Link className="plain" to={quiet ? '/p/$projectId/start' : '/p/$projectId/overview'} params={{ projectId: project.projectId }}>
            {project.name || 'Without a name'}
          </Link>
        </Title>
        <Badge>{project.role}</Badge>
      </Group>
      <Text size="xs" c="dimmed" ff="monospace" className="break" mb="sm">
        {project.projectId}
      </Text>
      {quiet ? (
        <Text size="sm" c="dimmed">
          No request yet
        </Text>
      ) : (
        <>
          <Group gap="lg">
            <Small label="requests today" value={compact(project.today.requests)} />
            <Small label="cost today" value={money(project.today.costUsd)} />
            <Small label="refused" value={compact(project.today.refused)} />
          </Group>
          <Text size="xs" c="dimmed" mt={8}>
            Last request <Time at={project.lastRequestAt!} />
          </Text>
        </>
      )}
    </Paper>
  )
}

function Small({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <Text fw={600} className="num">
        {value}
      </Text>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
    </div>
  )
}

/** Invitations are those to the signed-in address, which a click accepts. */
function Invitations() {
  const invitations = useMe().data?.invitations ?? []
  const [error, setError] = useState<unknown>(null)
  if (invitations.length === 0) return null
  const accept = async (id: string, name: string) => {
    setError(null)
    try {
      await http.POST('/api/auth/invitations/accept', { body: { id } })
      await queries.invalidateQueries({ queryKey: me.queryKey })
      await queries.invalidateQueries({ queryKey: ['get', '/api/projects'] })
      done(`You are a member of ${name}.`)
    } catch (problem) {
      setError(problem)
    }
  }
  return (
    <Stack mb="md" gap="sm">
      {error ? <Failure error={error} what="Not accepted" /> : null}
      {invitations.map((invitation) => (
        <Paper key={invitation.id} p="md">
          <Group justify="space-between">
            <Text size="sm" className="break">
              {invitation.invitedBy} invites you to <b>{invitation.project}</b> as {invitation.role}.
            </Text>
            <Button size="xs" onClick={() => accept(invitation.id, invitation.project)}>
              Accept
            </Button>
          </Group>
        </Paper>
      ))}
    </Stack>
  )
}
