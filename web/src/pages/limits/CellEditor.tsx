import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Metric } from '../../format/number'
import { inputOf, parseCell, writeCell, type CellValue } from '../../settings/cell'
import { alsoDecides, nameOf, resolve, setCell, valueAt, type Address } from '../../settings/matrix'
import type { JsonObject } from '../../settings/patch'
import { Icon } from '../../ui/Icon'

interface Props {
  document: JsonObject
  address: Address
  metric: Metric
  /** The text that the user has typed on the cell. */
  typed?: string
  onSet: (value: CellValue) => void
  onCancel: () => void
}

const units: Record<Metric, string> = { requests: 'requests', tokens: 'tokens', costUsd: 'US dollars' }

/** CellEditor edits one cell: a number by typing it, the other states by their words. */
export function CellEditor({ document, address, metric, typed, onSet, onCancel }: Props) {
  const own = valueAt(document, address, metric)
  const counted = address.row.kind === 'pace' ? 'requests' : metric
  const [text, setText] = useState(typed ?? inputOf(own))
  const parsed = parseCell(text, counted)
  const inherited = resolve(setCell(document, address, metric, null), address, metric)
  const also = parsed.ok ? alsoDecides(setCell(document, address, metric, parsed.value), address, metric) : []
  const preview = text.trim() === '' ? null : parsed.ok ? writeCell(parsed.value, counted) : null
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        if (parsed.ok) onSet(parsed.value)
      }}
      onKeyDown={(e) => {
        if (e.key !== 'Escape') return
        e.stopPropagation()
        onCancel()
      }}
    >
      <Stack gap={10} w={270}>
        <Text size="sm" fw={600} className="break">
          {nameOf(address)}
        </Text>
        <TextInput
          label={address.row.kind === 'pace' ? 'A number' : `A number of ${units[counted]}`}
          value={text}
          onChange={(e) => setText(e.currentTarget.value)}
          error={text.trim() !== '' && !parsed.ok ? parsed.problem : undefined}
          inputMode="decimal"
          autoComplete="off"
          autoFocus
          onFocus={(e) => {
            if (typed === undefined) e.currentTarget.select()
          }}
          rightSection={
            <Button type="submit" size="compact-xs" disabled={!parsed.ok || text.trim() === ''}>
              Set
            </Button>
          }
          rightSectionWidth={52}
          placeholder={counted === 'costUsd' ? '0.05' : '500, 10k, 1.5M'}
        />
        <Text size="xs" c="dimmed" aria-live="polite" mih={16}>
          {preview ? `Enter sets: ${preview}` : ''}
        </Text>
        {also.map(({ tier, value }) => (
          <Text key={tier} size="xs" className="warn">
            Also decides for {tier}, which has {writeCell(value, counted)} for all other models.
          </Text>
        ))}
        <Group gap={6} grow>
          <Button size="xs" variant={own === -1 ? 'light' : 'default'} onClick={() => onSet(-1)} leftSection={<Icon name="infinity" size={14} />}>
            Unlimited
          </Button>
          <Button size="xs" variant={own === 0 ? 'light' : 'default'} onClick={() => onSet(0)} leftSection={<Icon name="blocked" size={14} />}>
            Blocked
          </Button>
        </Group>
        <Button size="xs" variant={own === null ? 'light' : 'default'} onClick={() => onSet(null)} leftSection={<Icon name="left" size={14} />}>
          Inherit: {inherited.value === null ? 'no limit' : writeCell(inherited.value, counted)}
        </Button>
      </Stack>
    </form>
  )
}
