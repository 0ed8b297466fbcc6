import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { useState, type FormEvent } from 'react'
import { api, http, type Schemas } from '../../api/client'
import { messageOf } from '../../api/problem'
import { metrics, type Metric } from '../../format/number'
import { inputOf, parseCell, writeCell, type CellValue } from '../../settings/cell'
import { columnsOf } from '../../settings/matrix'
import type { JsonObject } from '../../settings/patch'
import { done } from '../../ui/notify'
import { changedUser } from './UserDrawer'

const fields = { requests: 'requestLimit', tokens: 'tokenLimit', costUsd: 'costLimitUsd' } as const
const labels: Record<Metric, string> = { requests: 'Requests', tokens: 'Tokens', costUsd: 'Cost in US dollars' }

type Texts = Record<Metric, string>

const textOf = (value: CellValue) => (value === null ? '' : value <= 0 ? writeCell(value, 'requests') : inputOf(value))

/**
 * UserLimits sets the tier and the limits of one user. What is typed is never overwritten by figures that are read again; the form
 * begins anew only when it was saved.
 */
export function UserLimits({ projectId, user, identity, mayChange }: { projectId: string; user: string; identity: Schemas['Identity'] | null; mayChange: boolean }) {
  const project = api.useQuery('get', '/api/projects/{projectId}', { params: { path: { projectId } } })
  const tiers = columnsOf((project.data?.settings ?? {}) as unknown as JsonObject).flatMap((c) => (c === null ? [] : [c]))
  const was: Texts = {
    requests: textOf(identity?.requestLimit ?? null),
    tokens: textOf(identity?.tokenLimit ?? null),
    costUsd: textOf(identity?.costLimitUsd ?? null),
  }
  const [texts, setTexts] = useState<Texts>(was)
  const [tier, setTier] = useState<string | null>(identity?.tier ?? null)
  const [saved, setSaved] = useState({ texts: was, tier })
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const parsed = Object.fromEntries(metrics.map(({ value }) => [value, parseCell(texts[value], value)])) as Record<Metric, ReturnType<typeof parseCell>>
  const dirty = tier !== saved.tier || metrics.some(({ value }) => texts[value] !== saved.texts[value])
  const valid = metrics.every(({ value }) => parsed[value].ok)
  const own = Object.entries(identity?.modelLimits ?? {})

  const save = async (e: FormEvent) => {
    e.preventDefault()
    const body: Record<string, unknown> = {}
    if (tier !== saved.tier) body.tier = tier
    for (const { value } of metrics) {
      const p = parsed[value]
      if (p.ok && texts[value] !== saved.texts[value]) body[fields[value]] = p.value
    }
    setBusy(true)
    setError(null)
    try {
      await http.PUT('/api/projects/{projectId}/identities/{identity}', { params: { path: { projectId, identity: user } }, body: body as Schemas['IdentityFields'] })
      setSaved({ texts, tier })
      await changedUser(projectId)
      done('In force from the next request on.')
    } catch (problem) {
      setError(messageOf(problem))
    } finally {
      setBusy(false)
    }
  }
  return (
    <form onSubmit={save}>
      <Stack gap="sm">
        <Select label="Tier" description="Set here, it wins over what the app says." data={tiers} value={tier} onChange={setTier} placeholder="what the app says" clearable clearButtonProps={{ 'aria-label': 'No tier' }} disabled={!mayChange} />
        {metrics.map(({ value }) => {
          const p = parsed[value]
          return (
            <TextInput
              key={value}
              label={labels[value]}
              value={texts[value]}
              onChange={(e) => {
                const typed = e.currentTarget.value
                setTexts((all) => ({ ...all, [value]: typed }))
              }}
              placeholder="inherits"
              disabled={!mayChange}
              error={p.ok ? undefined : p.problem}
              description={p.ok && texts[value] !== saved.texts[value] ? `Will be: ${writeCell(p.value, value)}` : undefined}
              inputWrapperOrder={['label', 'input', 'description', 'error']}
              autoComplete="off"
            />
          )
        })}
        <Text size="xs" c="dimmed">
          A number, “unlimited”, “blocked”, or empty to inherit. A limit of a user counts all of its usage.
        </Text>
        {own.length > 0 && (
          <Text size="sm" className="break">
            Limits of single models, set by your server: {own.map(([model, limit]) => `${model} (${describe(limit as Record<string, CellValue>)})`).join(', ')}
          </Text>
        )}
        {error && (
          <Text size="sm" className="bad" role="alert">
            {error}
          </Text>
        )}
        {mayChange && (
          <Group>
            <Button type="submit" loading={busy} disabled={!dirty || !valid}>
              Save
            </Button>
            {dirty && (
              <Button
                variant="default"
                onClick={() => {
                  setTexts(saved.texts)
                  setTier(saved.tier)
                }}
              >
                Discard
              </Button>
            )}
          </Group>
        )}
      </Stack>
    </form>
  )
}

const describe = (limit: Record<string, CellValue>) =>
  metrics.flatMap(({ value, label }) => ((limit[fields[value]] ?? null) === null ? [] : [`${label.toLowerCase()} ${writeCell(limit[fields[value]]!, value)}`])).join(', ') || 'inherits'
