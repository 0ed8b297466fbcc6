import { Badge, Button, Drawer, Group, Stack, Tabs, Text } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { useState } from 'react'
import { api, http, queries } from '../../api/client'
import { isMissing } from '../../api/problem'
import { useMayChange } from '../../session/me'
import { Confirm } from '../../ui/Confirm'
import { Copy } from '../../ui/Copy'
import { done } from '../../ui/notify'
import { Time } from '../../ui/Time'
import { Failure, Rows } from '../../ui/View'
import type { userTabs } from '../../router'
import { UserChanges } from './UserChanges'
import { UserCredits } from './UserCredits'
import { UserLimits } from './UserLimits'
import { UserUsage } from './UserUsage'

type Tab = (typeof userTabs)[number]

interface Props {
  projectId: string
  user: string | undefined
  tab: Tab
  onTab: (tab: Tab) => void
  onClose: () => void
}

/** changedUser reads everything that shows a user again. */
export const changedUser = (projectId: string) => queries.invalidateQueries({ predicate: (q) => JSON.stringify(q.queryKey).includes(projectId) && String(q.queryKey[1]).includes('/identities') })

export function UserDrawer({ projectId, user, tab, onTab, onClose }: Props) {
  const narrow = useMediaQuery('(max-width: 48em)')
  return (
    <Drawer opened={user !== undefined} onClose={onClose} position="right" size={narrow ? '100%' : 560} title={<span className="break">{user}</span>} styles={{ title: { fontWeight: 650, minWidth: 0 } }}>
      {user !== undefined && <Content key={user} projectId={projectId} user={user} tab={tab} onTab={onTab} />}
    </Drawer>
  )
}

function Content({ projectId, user, tab, onTab }: { projectId: string; user: string; tab: Tab; onTab: (tab: Tab) => void }) {
  const path = { projectId, identity: user }
  const identity = api.useQuery('get', '/api/projects/{projectId}/identities/{identity}', { params: { path } })
  const mayChange = useMayChange(projectId)
  const unknown = isMissing(identity.error)
  if (identity.isPending) return <Rows count={5} />
  if (identity.error && !unknown && !identity.data) return <Failure error={identity.error} retry={() => identity.refetch()} />
  const data = unknown ? null : (identity.data ?? null)
  return (
    <Stack>
      <Group gap="sm">
        <Copy text={user} label="Copy the name" />
        {data ? (
          <Text size="sm" c="dimmed">
            seen first <Time at={data.createdAt} />
          </Text>
        ) : (
          <Badge>not known yet</Badge>
        )}
        {data && !data.enabled && <Badge className="bad">disabled</Badge>}
      </Group>
      {unknown && <Text size="sm">Nobody of this name has made a request. What you set here holds from the first one.</Text>}
      <Tabs value={tab} onChange={(value) => value && onTab(value as Tab)} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="limits">Limits</Tabs.Tab>
          <Tabs.Tab value="credits">Credits</Tabs.Tab>
          <Tabs.Tab value="usage">Usage</Tabs.Tab>
          <Tabs.Tab value="changes">Changes</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="limits">
          <UserLimits projectId={projectId} user={user} identity={data} mayChange={mayChange} />
          {mayChange && data && <EnableButton projectId={projectId} user={user} enabled={data.enabled} />}
        </Tabs.Panel>
        <Tabs.Panel value="credits">
          <UserCredits projectId={projectId} user={user} identity={data} mayChange={mayChange} />
        </Tabs.Panel>
        <Tabs.Panel value="usage">
          <UserUsage projectId={projectId} user={user} mayChange={mayChange} />
        </Tabs.Panel>
        <Tabs.Panel value="changes">
          <UserChanges projectId={projectId} user={user} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  )
}

/** EnableButton disables a user, or enables it again. */
function EnableButton({ projectId, user, enabled }: { projectId: string; user: string; enabled: boolean }) {
  const [asking, setAsking] = useState(false)
  return (
    <>
      <Button mt="lg" variant="default" size="xs" onClick={() => setAsking(true)}>
        {enabled ? 'Disable this user' : 'Enable this user'}
      </Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={enabled ? 'Disable this user?' : 'Enable this user?'}
        action={enabled ? 'Disable' : 'Enable'}
        danger={enabled}
        run={async () => {
          await http.PUT('/api/projects/{projectId}/identities/{identity}', { params: { path: { projectId, identity: user } }, body: { enabled: !enabled } })
          await changedUser(projectId)
          done(enabled ? 'Disabled from the next request on.' : 'Enabled.')
        }}
      >
        {enabled ? 'Every request of this user is refused with 403 from now on. Usage and settings stay.' : 'Requests of this user are let through again, within the limits.'}
      </Confirm>
    </>
  )
}
