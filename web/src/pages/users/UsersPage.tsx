import { Button, Group, Paper, Select, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { api } from '../../api/client'
import { exact } from '../../format/number'
import { columnsOf } from '../../settings/matrix'
import type { JsonObject } from '../../settings/patch'
import { Icon } from '../../ui/Icon'
import { Page } from '../../ui/Page'
import { Empty, Rows, View } from '../../ui/View'
import { UserDrawer } from './UserDrawer'
import { UserTable } from './UserTable'

export function UsersPage() {
  const { projectId } = useParams({ from: '/signed-in/framed/p/$projectId/users' })
  const search = useSearch({ from: '/signed-in/framed/p/$projectId/users' })
  const navigate = useNavigate({ from: '/p/$projectId/users' })
  // Typing replaces the address; opening a user adds to the history.
  const filter = (change: Record<string, string | undefined>) => navigate({ search: (was) => ({ ...was, ...change }), replace: true })
  const project = api.useQuery('get', '/api/projects/{projectId}', { params: { path: { projectId } } })
  const tiers = columnsOf((project.data?.settings ?? {}) as unknown as JsonObject).flatMap((c) => (c === null ? [] : [c]))

  const [typed, setTyped] = useState(search.q ?? '')
  const [q] = useDebouncedValue(typed, 150)
  useEffect(() => {
    if ((search.q ?? '') !== q) void filter({ q: q || undefined })
  }, [q]) // eslint-disable-line react-hooks/exhaustive-deps

  const list = api.useInfiniteQuery(
    'get',
    '/api/projects/{projectId}/identities',
    {
      params: {
        path: { projectId },
        query: { limit: 50, ...(q ? { q } : {}), ...(search.tier ? { tier: search.tier } : {}), ...(search.has ? { has: search.has } : {}), ...(search.enabled ? { enabled: search.enabled } : {}), ...(search.sort ? { sort: search.sort } : {}) },
      },
    },
    { pageParamName: 'cursor', initialPageParam: null as string | null, getNextPageParam: (page) => page.nextCursor ?? undefined },
  )
  const items = list.data?.pages.flatMap((page) => page.items)
  const first = list.data?.pages[0]
  const filtered = Boolean(q || search.tier || search.has || search.enabled)
  return (
    <Page
      title="Users"
      beside={
        <Text size="sm" c="dimmed" className="num" aria-live="polite">
          {first ? (first.total === null ? `${exact(first.totalAtLeast ?? 0)} or more` : first.total === 1 ? '1 user' : `${exact(first.total)} users`) : ''}
        </Text>
      }
    >
      <Group gap="sm" mb="md">
        <TextInput
          aria-label="Search by the beginning of a name"
          placeholder="Beginning of a name"
          leftSection={<Icon name="search" size={16} />}
          value={typed}
          onChange={(e) => setTyped(e.currentTarget.value)}
          autoFocus
          className="search"
          autoComplete="off"
          spellCheck={false}
        />
        <Select aria-label="Tier" placeholder="any tier" data={tiers} value={search.tier ?? null} onChange={(value) => filter({ tier: value ?? undefined })} clearable clearButtonProps={{ 'aria-label': 'Any tier' }} className="grow" />
        <Select
          aria-label="With"
          placeholder="all users"
          data={[
            { value: 'override', label: 'own limits' },
            { value: 'credits', label: 'credits' },
            { value: 'promo', label: 'promotion' },
            { value: 'disabled', label: 'disabled' },
          ]}
          value={search.enabled === 'false' ? 'disabled' : (search.has ?? null)}
          onChange={(value) => filter({ has: value === 'disabled' ? undefined : (value ?? undefined), enabled: value === 'disabled' ? 'false' : undefined })}
          clearable
          clearButtonProps={{ 'aria-label': 'All users' }}
          className="grow"
        />
        <Select
          aria-label="Order"
          data={[
            { value: 'name', label: 'by name' },
            { value: 'recent', label: 'last changed' },
            { value: '-requests', label: 'most requests' },
            { value: '-tokens', label: 'most tokens' },
            { value: '-costUsd', label: 'highest cost' },
          ]}
          value={search.sort ?? 'name'}
          onChange={(value) => filter({ sort: value === 'name' ? undefined : (value ?? undefined) })}
          allowDeselect={false}
          className="grow"
        />
      </Group>
      <View query={{ data: items, error: list.error, isPending: list.isPending, refetch: list.refetch }} skeleton={<Rows count={8} height={44} />}>
        {(users) =>
          users.length === 0 && !list.hasNextPage ? (
            <Paper>{filtered ? <NoneFound q={q} onOpen={() => navigate({ search: (was) => ({ ...was, user: q }) })} /> : <NoUsers />}</Paper>
          ) : (
            <UserTable users={users} onOpen={(user) => navigate({ search: (was) => ({ ...was, user }) })} more={list.hasNextPage} loading={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} />
          )
        }
      </View>
      <UserDrawer projectId={projectId} user={search.user} tab={search.tab ?? 'limits'} onTab={(tab) => filter({ tab: tab === 'limits' ? undefined : tab })} onClose={() => navigate({ search: (was) => ({ ...was, user: undefined, tab: undefined }) })} />
    </Page>
  )
}

function NoUsers() {
  return (
    <Empty icon="users" title="No users yet">
      A user appears with the first request that names it in x-identity, or when your server creates it.
    </Empty>
  )
}

/** NoneFound also leads to a user that is not there yet: a gift may come before the first request. */
function NoneFound({ q, onOpen }: { q: string; onOpen: () => void }) {
  return (
    <Empty
      icon="search"
      title="No user fits"
      action={
        q ? (
          <Button variant="default" mt="xs" onClick={onOpen}>
            <span className="break">Open “{q.length > 40 ? `${q.slice(0, 40)}…` : q}” as a new user</span>
          </Button>
        ) : null
      }
    >
      The search compares the beginning of names, and letter case matters.
    </Empty>
  )
}
