import { Button, Group, Paper, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useState, type FormEvent } from 'react'
import { http, type Schemas } from '../../api/client'
import { messageOf } from '../../api/problem'
import { amount, metrics, type Metric } from '../../format/number'
import { parseCell } from '../../settings/cell'
import { done } from '../../ui/notify'
import { Time } from '../../ui/Time'
import { changedUser } from './UserDrawer'

interface Props {
  projectId: string
  user: string
  identity: Schemas['Identity'] | null
  mayChange: boolean
}

/** UserCredits gives credits, which are used when the period's allowance is, and lifts limits until a date. */
export function UserCredits({ projectId, user, identity, mayChange }: Props) {
  const left = { requests: identity?.giftedRequests ?? 0, tokens: identity?.giftedTokens ?? 0, costUsd: identity?.giftedCostUsd ?? 0 }
  const until = identity?.unlimitedUntil && Date.parse(identity.unlimitedUntil) > Date.now() ? identity.unlimitedUntil : null
  return (
    <Stack>
      <SimpleGrid cols={3}>
        {metrics.map(({ value, label }) => (
          <Paper key={value} p="sm">
            <Text size="xs" c="dimmed">
              {label}
            </Text>
            <Text fw={600} className="num">
              {amount(value, left[value])}
            </Text>
          </Paper>
        ))}
      </SimpleGrid>
      <Text size="sm" c="dimmed">
        Credits are used once the period’s allowance is. They do not expire.
        {until && (
          <>
            {' '}
            <b>Unlimited, ends <Time at={until} />.</b>
          </>
        )}
      </Text>
      {mayChange && <Gift projectId={projectId} user={user} />}
      {mayChange && <Promo projectId={projectId} user={user} until={until} />}
    </Stack>
  )
}

function Gift({ projectId, user }: { projectId: string; user: string }) {
  const [texts, setTexts] = useState<Record<Metric, string>>({ requests: '', tokens: '', costUsd: '' })
  const [reason, setReason] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  // One key for one gift: a call that is repeated after a broken connection gives once.
  const [once, setOnce] = useState(() => crypto.randomUUID())
  const parsed = metrics.map(({ value }) => ({ metric: value, p: parseCell(texts[value], value) }))
  const amounts = parsed.flatMap(({ metric, p }) => (p.ok && p.value !== null && p.value > 0 ? [[metric, p.value] as const] : []))
  const wrong = parsed.some(({ p }) => !p.ok || (p.value !== null && p.value <= 0))
  const give = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(null)
    try {
      await http.POST('/api/projects/{projectId}/identities/{identity}/gift', {
        params: { path: { projectId, identity: user }, header: { 'Idempotency-Key': once } },
        body: { ...Object.fromEntries(amounts), ...(reason.trim() ? { reason: reason.trim() } : {}) },
      })
      setTexts({ requests: '', tokens: '', costUsd: '' })
      setReason('')
      setOnce(crypto.randomUUID())
      await changedUser(projectId)
      done(`Given: ${amounts.map(([metric, n]) => `${amount(metric, n)}${metric === 'costUsd' ? '' : ` ${metric}`}`).join(', ')}.`)
    } catch (problem) {
      setError(messageOf(problem))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Paper p="md" component="form" onSubmit={give}>
      <Stack gap="sm">
        <Text fw={600}>Give credits</Text>
        <SimpleGrid cols={{ base: 1, xs: 3 }}>
          {parsed.map(({ metric, p }) => (
            <TextInput
              key={metric}
              label={metrics.find((m) => m.value === metric)!.label}
              value={texts[metric]}
              onChange={(e) => {
                const typed = e.currentTarget.value
                setTexts((all) => ({ ...all, [metric]: typed }))
              }}
              error={!p.ok ? p.problem : p.value !== null && p.value <= 0 ? 'Type a number above zero.' : undefined}
              autoComplete="off"
              placeholder={metric === 'costUsd' ? '0.50' : '100'}
            />
          ))}
        </SimpleGrid>
        <TextInput label="Reason" value={reason} onChange={(e) => setReason(e.currentTarget.value)} maxLength={500} placeholder="bought a pack" />
        {error && (
          <Text size="sm" className="bad" role="alert">
            {error}
          </Text>
        )}
        <Group>
          <Button type="submit" size="xs" loading={busy} disabled={amounts.length === 0 || wrong}>
            Give
          </Button>
        </Group>
      </Stack>
    </Paper>
  )
}

function Promo({ projectId, user, until }: { projectId: string; user: string; until: string | null }) {
  const [date, setDate] = useState('')
  const [reason, setReason] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const send = async (end: string | null) => {
    setBusy(true)
    setError(null)
    try {
      await http.POST('/api/projects/{projectId}/identities/{identity}/promo', { params: { path: { projectId, identity: user } }, body: { unlimitedUntil: end, ...(reason.trim() ? { reason: reason.trim() } : {}) } })
      setDate('')
      setReason('')
      await changedUser(projectId)
      done(end ? 'No limit refuses this user until then.' : 'The promotion has ended.')
    } catch (problem) {
      setError(messageOf(problem))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Paper
      p="md"
      component="form"
      onSubmit={(e) => {
        e.preventDefault()
        void send(date)
      }}
    >
      <Stack gap="sm">
        <Text fw={600}>Lift all limits for a while</Text>
        <Group gap="sm" align="flex-end">
          <TextInput type="date" label="To the end of" description="UTC" value={date} onChange={(e) => setDate(e.currentTarget.value)} w={170} />
          <TextInput label="Reason" value={reason} onChange={(e) => setReason(e.currentTarget.value)} maxLength={500} style={{ flex: '1 1 160px' }} />
        </Group>
        {error && (
          <Text size="sm" className="bad" role="alert">
            {error}
          </Text>
        )}
        <Group>
          <Button type="submit" size="xs" loading={busy} disabled={date === ''}>
            Lift the limits
          </Button>
          {until && (
            <Button size="xs" variant="default" onClick={() => void send(null)}>
              End it now
            </Button>
          )}
        </Group>
      </Stack>
    </Paper>
  )
}
