import { Badge, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useRef, useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { useLive, type LiveRejected, type LiveRequest } from '../../api/live'
import { exact, exactAmount, money } from '../../format/number'
import { duration } from '../../format/time'
import { Meter } from '../../ui/Meter'
import { Time } from '../../ui/Time'

type Entry = { id: number } & ({ kind: 'request'; event: LiveRequest } | { kind: 'rejected'; event: LiveRejected })

/** Feed shows requests as they come: answered ones, failed ones with the reason, and the one that the limit has stopped. */
export function Feed({ projectId, first, waiting }: { projectId: string; first: Schemas['FirstRequest'] | undefined; waiting: boolean }) {
  const [entries, setEntries] = useState<Entry[]>([])
  const count = useRef(0)
  const add = (entry: { kind: 'request'; event: LiveRequest } | { kind: 'rejected'; event: LiveRejected }) =>
    setEntries((all) => [{ id: ++count.current, ...entry }, ...all].slice(0, 8))
  const open = useLive(projectId, {
    request: (event) => add({ kind: 'request', event }),
    rejected: (event) => add({ kind: 'rejected', event }),
  })
  if (!waiting) return null
  const stopped = entries.find((e) => e.kind === 'request' && e.event.code === 'limit_exceeded')
  return (
    <Paper p="lg" component="section" aria-label="Requests">
      <Group justify="space-between" mb="sm">
        <Title order={2}>Requests</Title>
        <Group gap={8}>
          <span className="live-dot" style={{ background: open ? undefined : 'var(--warn)' }} />
          <Text size="sm" c="dimmed">
            {open ? 'live' : 'connecting'}
          </Text>
        </Group>
      </Group>
      <div role="log" aria-live="polite" aria-label="Requests as they come">
        {entries.length === 0 && <Quiet first={first} />}
        <Stack gap={0}>
          {entries.map((entry) => (
            <div key={entry.id} className="feed-row arrive">
              {entry.kind === 'request' ? <RequestRow event={entry.event} /> : <RejectedRow event={entry.event} />}
            </div>
          ))}
        </Stack>
      </div>
      {stopped?.kind === 'request' && <Stopped projectId={projectId} event={stopped.event} />}
    </Paper>
  )
}

function Quiet({ first }: { first: Schemas['FirstRequest'] | undefined }) {
  if (first?.at) {
    return (
      <Text size="sm">
        <span className="ok">The first request came</span> <Time at={first.at} />. Further ones show up here.
      </Text>
    )
  }
  if (first?.rejected) return <RejectedRow event={{ ...first.rejected, status: 0 }} />
  return (
    <Text size="sm" c="dimmed">
      Waiting for the first request …
    </Text>
  )
}

function Status({ status, good }: { status: number; good: boolean }) {
  return (
    <Badge variant="default" radius="sm" className="num" style={{ color: `var(--${good ? 'ok' : 'bad'})`, minWidth: 48 }}>
      {status || 'refused'}
    </Badge>
  )
}

function RequestRow({ event }: { event: LiveRequest }) {
  const good = event.status < 400
  const used = event.limit === null || event.limit === undefined ? null : event.limit - (event.remaining ?? 0)
  return (
    <Group gap="sm" wrap="wrap">
      <Status status={event.status} good={good} />
      <Text size="sm" fw={500} className="break">
        {event.model || 'no model'}
      </Text>
      <Text size="sm" c="dimmed" className="num">
        {good ? `${exact(event.tokens)} tokens, ${money(event.costUsd)}, ${duration(event.ms)}` : event.code}
      </Text>
      {used !== null && event.limit !== null && event.limit !== undefined && (
        <Group gap={8} ml="auto" wrap="nowrap">
          <div style={{ width: 70 }}>
            <Meter part={event.limit > 0 ? used / event.limit : 1} />
          </div>
          <Text size="sm" className="num">
            {exactAmount(event.metric, event.remaining ?? 0)} of {exactAmount(event.metric, event.limit)} left
          </Text>
        </Group>
      )}
    </Group>
  )
}

function RejectedRow({ event }: { event: LiveRejected | (NonNullable<Schemas['FirstRequest']['rejected']> & { status: number }) }) {
  return (
    <Group gap="sm" align="flex-start" wrap="nowrap">
      <Status status={event.status} good={false} />
      <div>
        <Text size="sm">
          <b>{event.code}</b>{' '}
          <Text span c="dimmed">
            <Time at={event.at} />
          </Text>
        </Text>
        <Text size="sm" className="break">
          {event.message}
        </Text>
      </div>
    </Group>
  )
}

/** Stopped shows the refusal as the user has got it, in the gateway's own words. */
function Stopped({ projectId, event }: { projectId: string; event: LiveRequest }) {
  const preview = api.useQuery('post', '/api/projects/{projectId}/limit-response/preview', {
    params: { path: { projectId } },
    body: { identity: event.identity, model: event.model, ...(event.tier ? { tier: event.tier } : {}), ...(event.metric ? { metric: event.metric as 'requests' } : {}) },
  })
  const body = preview.data?.openai.body as { error?: { message?: string; deepLink?: string } } | undefined
  return (
    <div className="stopped arrive" role="status">
      <Text fw={600} size="sm">
        That is what your user sees:
      </Text>
      <Text size="lg" fw={600} className="break">
        {body?.error?.message ?? '…'}
      </Text>
      {body?.error?.deepLink && (
        <Text size="sm" c="dimmed" className="break">
          and your app gets the link {body.error.deepLink}
        </Text>
      )}
    </div>
  )
}

