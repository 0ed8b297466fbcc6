import { Badge, Button, Group, Paper, Text } from '@mantine/core'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { Schemas } from '../../api/client'
import { compact, money } from '../../format/number'

type User = Schemas['Identity']

interface Props {
  users: User[]
  onOpen: (user: string) => void
  more: boolean
  loading: boolean
  onMore: () => void
}

/** UserTable shows users as a table of any length: only rows on the screen are in the page, and further pages load by themselves. */
export function UserTable({ users, onOpen, more, loading, onMore }: Props) {
  const top = useRef<HTMLDivElement>(null)
  const [margin, setMargin] = useState(0)
  useLayoutEffect(() => setMargin(top.current?.offsetTop ?? 0), [])
  const rows = useWindowVirtualizer({ count: users.length, estimateSize: () => 49, overscan: 12, scrollMargin: margin })
  const shown = rows.getVirtualItems()
  const last = shown[shown.length - 1]?.index ?? 0
  useEffect(() => {
    if (more && !loading && last >= users.length - 8) onMore()
  }, [last, more, loading, users.length]) // eslint-disable-line react-hooks/exhaustive-deps
  const before = (shown[0]?.start ?? margin) - margin
  const after = rows.getTotalSize() - ((shown[shown.length - 1]?.end ?? margin) - margin)
  return (
    <Paper ref={top} className="users-frame">
      <table className="users" aria-rowcount={more ? -1 : users.length + 1}>
        <thead>
          <tr>
            <th scope="col">User</th>
            <th scope="col">Tier</th>
            <th scope="col" className="right">
              Requests
            </th>
            <th scope="col" className="right wide">
              Tokens
            </th>
            <th scope="col" className="right wide">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {before > 0 && <tr aria-hidden="true" style={{ height: before }}><td colSpan={5} /></tr>}
          {shown.map((row) => (
            <UserRow key={users[row.index]!.identity} user={users[row.index]!} index={row.index} onOpen={onOpen} />
          ))}
          {after > 0 && <tr aria-hidden="true" style={{ height: after }}><td colSpan={5} /></tr>}
        </tbody>
      </table>
      {more && (
        <Group justify="center" p="sm">
          <Button variant="default" size="xs" loading={loading} onClick={onMore}>
            More users
          </Button>
        </Group>
      )}
      <Text size="xs" c="dimmed" p="sm" pt={more ? 0 : 'sm'}>
        Usage of this period.
      </Text>
    </Paper>
  )
}

function UserRow({ user, index, onOpen }: { user: User; index: number; onOpen: (user: string) => void }) {
  return (
    <tr aria-rowindex={index + 2} onClick={() => onOpen(user.identity)}>
      <th scope="row">
        <button
          type="button"
          className="users-name"
          onClick={(e) => {
            e.stopPropagation()
            onOpen(user.identity)
          }}
        >
          {user.identity}
        </button>
        <Marks user={user} />
      </th>
      <td>{user.tier ?? <span className="dim">–</span>}</td>
      <td className="right num">{compact(user.usage.requests)}</td>
      <td className="right num wide">{compact(user.usage.tokens)}</td>
      <td className="right num wide">{money(user.usage.costUsd)}</td>
    </tr>
  )
}

/** hasOverride reports whether a user has limits of its own. */
export const hasOverride = (user: User) =>
  user.requestLimit !== null || user.tokenLimit !== null || user.costLimitUsd !== null || Object.keys(user.modelLimits ?? {}).length > 0

function Marks({ user }: { user: User }) {
  const promoted = user.unlimitedUntil !== null && Date.parse(user.unlimitedUntil) > Date.now()
  const credits = user.giftedRequests > 0 || user.giftedTokens > 0 || user.giftedCostUsd > 0
  if (user.enabled && !promoted && !credits && !hasOverride(user)) return null
  return (
    <Group gap={4} component="span" display="inline-flex" ml={8}>
      {!user.enabled && <Badge size="sm" className="bad">disabled</Badge>}
      {promoted && <Badge size="sm">unlimited</Badge>}
      {credits && <Badge size="sm">credits</Badge>}
      {hasOverride(user) && <Badge size="sm">own limits</Badge>}
    </Group>
  )
}
