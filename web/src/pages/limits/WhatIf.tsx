import { Autocomplete, Group, SegmentedControl, Select, Skeleton, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData } from '@tanstack/react-query'
import { useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { exactAmount, type Metric } from '../../format/number'
import { periodWord } from '../../format/time'
import { writeCell } from '../../settings/cell'
import { columnsOf } from '../../settings/matrix'
import type { JsonObject } from '../../settings/patch'
import { Card } from '../../ui/Card'
import { Icon } from '../../ui/Icon'
import { Meter } from '../../ui/Meter'
import { Time } from '../../ui/Time'
import { View } from '../../ui/View'

interface Asked {
  tier?: string
  model?: string
  user?: string
}

interface Props {
  projectId: string
  document: JsonObject
  patch: JsonObject
  metric: Metric
  search: Asked
  onChange: (change: Asked) => void
}

/**
 * WhatIf says what a request would get with the draft, and why. The answer is the gateway's own decision; nothing here computes a
 * limit.
 */
export function WhatIf({ projectId, document, patch, metric, search, onChange }: Props) {
  const models = api.useQuery('get', '/api/projects/{projectId}/models', { params: { path: { projectId }, query: { limit: 50 } } })
  const tier = search.tier
  const model = search.model ?? models.data?.items[0]?.model
  const [user, setUser] = useState(search.user ?? '')
  const [asked] = useDebouncedValue({ patch, tier, model, user: user.trim() }, 200)
  const body = {
    settings: asked.patch,
    ...(asked.tier ? { tier: asked.tier } : {}),
    ...(asked.model ? { model: asked.model } : {}),
    ...(asked.user ? { identity: asked.user } : {}),
  }
  const explained = api.useQuery('post', '/api/projects/{projectId}/limits/explain', { params: { path: { projectId } }, body }, { placeholderData: keepPreviousData, staleTime: 0 })
  return (
    <Card title="What if">
      <Stack>
        <Group gap="sm" align="flex-end">
          <Select label="Tier" className="grow" data={[{ value: '', label: 'none named' }, ...columnsOf(document).flatMap((c) => (c === null ? [] : [{ value: c, label: c }]))]} value={tier ?? ''} onChange={(value) => onChange({ tier: value || undefined })} allowDeselect={false} />
          <Autocomplete label="Model" className="grow" data={(models.data?.items ?? []).map((m) => m.model)} value={model ?? ''} onChange={(value) => onChange({ model: value || undefined })} />
          <TextInput
            label="User"
            className="grow"
            placeholder="anyone new"
            value={user}
            onChange={(e) => {
              setUser(e.currentTarget.value)
              onChange({ user: e.currentTarget.value || undefined })
            }}
          />
        </Group>
        <View query={explained} skeleton={<Skeleton height={150} />}>
          {(data) => <Answer projectId={projectId} data={data} patch={asked.patch} metric={metric} user={asked.user} tier={asked.tier} />}
        </View>
      </Stack>
    </Card>
  )
}

const words: Record<string, string> = { requests: 'requests', tokens: 'tokens', costUsd: 'cost' }
const origins: Record<string, string> = { identity: 'set by your server', request: 'named by the request', default: 'the default tier', none: '', refused: '' }

function Answer({ projectId, data, patch, metric, user, tier }: { projectId: string; data: Schemas['Explained']; patch: JsonObject; metric: Metric; user: string; tier?: string }) {
  const refused = data.decision === 'refused'
  const chosen = data.limits.find((l) => l.metric === metric)
  return (
    <Stack gap="md" aria-live="polite">
      <Group gap="xs">
        <span className={refused ? 'bad' : 'ok'}>
          <Icon name={refused ? 'blocked' : 'check'} />
        </span>
        <Text fw={600}>{refused ? `Refused: ${data.status} ${data.code}` : 'The next request is let through'}</Text>
        <Text size="sm" c="dimmed">
          {data.tier.name ? `tier ${data.tier.name}${origins[data.tier.from] ? `, ${origins[data.tier.from]}` : ''}` : 'no tier'}
          {data.provider ? ` · ${data.provider}` : ''}
          {data.priced === false ? ' · no known price' : ''}
        </Text>
      </Group>
      {refused && data.message && (
        <Text size="sm" className="break">
          “{data.message}”
        </Text>
      )}
      <div className="whatif-limits">
        {data.limits.map((limit) => (
          <Limit key={limit.metric} limit={limit} main={limit.metric === metric} />
        ))}
      </div>
      {(data.burst.limit !== null || data.concurrency.limit !== null) && (
        <Text size="sm">
          {data.burst.limit !== null ? `At most ${data.burst.limit} requests a minute. ` : ''}
          {data.concurrency.limit !== null ? `At most ${data.concurrency.limit} at the same time.` : ''}
        </Text>
      )}
      {chosen && <Chain limit={chosen} />}
      {data.notInForce.length > 0 && (
        <Text size="sm" c="dimmed" className="break">
          Not in force: {data.notInForce.map((o) => `${o.path} (${o.text})`).join('; ')}
        </Text>
      )}
      {chosen?.limit != null && chosen.limit >= 0 && <Refusal projectId={projectId} patch={patch} metric={metric} limit={chosen.limit} user={user} tier={tier} model={data.model ?? undefined} />}
    </Stack>
  )
}

function Limit({ limit, main }: { limit: Schemas['ExplainedLimit']; main: boolean }) {
  return (
    <div className="whatif-limit" data-main={main}>
      <Text size="xs" c="dimmed">
        {words[limit.metric]}
      </Text>
      {limit.limit === null ? (
        <Text fw={600}>no limit</Text>
      ) : (
        <>
          <Text fw={600} className="num">
            {limit.limit === 0 ? 'Blocked' : `${exactAmount(limit.metric, limit.limit)} a ${periodWord[limit.period]}`}
          </Text>
          {limit.limit > 0 && limit.used !== null && (
            <>
              <Meter part={limit.used / limit.limit} />
              <Text size="xs" c="dimmed" className="num" mt={4}>
                {exactAmount(limit.metric, limit.used)} used
                {limit.credits > 0 ? `, ${exactAmount(limit.metric, limit.credits)} credits` : ''}
                {limit.resetsAt ? (
                  <>
                    , resets <Time at={limit.resetsAt} />
                  </>
                ) : null}
              </Text>
            </>
          )}
          <Text size="xs" c="dimmed" className="break">
            {limit.path ? `from ${limit.path}` : ''}
            {limit.pool.covers === 'modelsWithoutLimit' ? ', shared by all models without a row of their own' : ''}
          </Text>
        </>
      )}
    </div>
  )
}

/** Chain shows the places that were looked at, in order, and the one in force. */
function Chain({ limit }: { limit: Schemas['ExplainedLimit'] }) {
  const at = limit.chain.findIndex((link) => link.value !== null)
  return (
    <ol className="chain" aria-label={`Places that are looked at for ${words[limit.metric]}`}>
      {limit.chain.map((link, i) => (
        <li key={link.path + link.level} data-on={i === at} aria-current={i === at || undefined}>
          <span className="break">{link.level === 'identity' ? `user: ${link.path}` : link.path}</span>
          <b className="num">{link.value === null ? '—' : writeCell(link.value, limit.metric)}</b>
        </li>
      ))}
    </ol>
  )
}

/** Refusal shows what the request after the last one gets, in the words of the gateway's own writer. */
function Refusal({ projectId, patch, metric, limit, user, tier, model }: { projectId: string; patch: JsonObject; metric: Metric; limit: number; user: string; tier?: string; model?: string }) {
  const [dialect, setDialect] = useState<'openai' | 'anthropic' | 'gemini'>('openai')
  const preview = api.useQuery(
    'post',
    '/api/projects/{projectId}/limit-response/preview',
    { params: { path: { projectId } }, body: { settings: patch, metric, ...(tier ? { tier } : {}), ...(user ? { identity: user } : {}), ...(model ? { model } : {}) } },
    { placeholderData: keepPreviousData },
  )
  if (!preview.data) return null
  const answer = preview.data[dialect]
  return (
    <div>
      <Group justify="space-between" mb={6}>
        <Text size="sm">
          {metric === 'requests' && limit > 0 ? `The ${ordinal(limit + 1)} request gets:` : 'Beyond it, a request gets:'} <b>{answer.status}</b> “{messageOf(answer.body)}”
        </Text>
        <SegmentedControl aria-label="Dialect" value={dialect} onChange={(value) => setDialect(value as typeof dialect)} data={[{ value: 'openai', label: 'OpenAI' }, { value: 'anthropic', label: 'Anthropic' }, { value: 'gemini', label: 'Gemini' }]} />
      </Group>
      <details>
        <summary className="dim">The whole answer</summary>
        <div className="code">
          <pre className="wrap" tabIndex={0} aria-label="The whole answer">
            {JSON.stringify(answer.body, null, 2)}
          </pre>
        </div>
      </details>
    </div>
  )
}

const messageOf = (body: unknown) => (body as { error?: { message?: string } } | undefined)?.error?.message ?? ''

function ordinal(n: number): string {
  const rule = new Intl.PluralRules('en', { type: 'ordinal' }).select(n)
  return `${n.toLocaleString('en')}${{ one: 'st', two: 'nd', few: 'rd', other: 'th', many: 'th', zero: 'th' }[rule]}`
}
