import { ActionIcon, Autocomplete, Button, Group, Menu, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState, type FormEvent } from 'react'
import { api } from '../../api/client'
import { percent, type Metric } from '../../format/number'
import { columnsOf, keyFor, rowsOf } from '../../settings/matrix'
import { at, set, type Json, type JsonObject } from '../../settings/patch'
import { Icon } from '../../ui/Icon'
import type { Editor } from './useEditor'

/** AddTier adds a tier that inherits everything. */
export function AddTier({ editor }: { editor: Editor }) {
  const [opened, setOpened] = useState(false)
  return (
    <>
      <Button size="compact-sm" variant="subtle" leftSection={<Icon name="plus" size={14} />} onClick={() => setOpened(true)}>
        tier
      </Button>
      <TierName opened={opened} onClose={() => setOpened(false)} title="New tier" action="Add the tier" taken={columnsOf(editor.document)} onName={(name) => editor.setField(['tiers', name], {})}>
        It inherits everything from Everyone until you set a limit. Your server sets a user’s tier, or the app names it in x-tier.
      </TierName>
    </>
  )
}

function TierName({ opened, onClose, title, action, taken, initial = '', onName, children }: { opened: boolean; onClose: () => void; title: string; action: string; taken: (string | null)[]; initial?: string; onName: (name: string) => void; children: React.ReactNode }) {
  const [name, setName] = useState(initial)
  const clean = name.trim()
  const problem = taken.includes(clean) && clean !== initial ? 'There is a tier of this name.' : new TextEncoder().encode(clean).length > 64 ? 'At most 64 bytes.' : null
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (clean === '' || problem) return
    if (clean !== initial) onName(clean)
    setName(initial)
    onClose()
  }
  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="Name" value={name} onChange={(e) => setName(e.currentTarget.value)} error={problem} required data-autofocus />
          <Text size="sm" c="dimmed" component="div">
            {children}
          </Text>
          <Group justify="flex-end">
            <Button type="submit">{action}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** TierMenu renames or removes a tier. Both are changes of the draft, as any other. */
export function TierMenu({ tier, editor, projectId }: { tier: string; editor: Editor; projectId: string }) {
  const [renaming, setRenaming] = useState(false)
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon size="sm" aria-label={`Tier ${tier}`}>
            <Icon name="down" size={14} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Icon name="pencil" size={14} />} onClick={() => setRenaming(true)}>
            Rename
          </Menu.Item>
          <Menu.Item leftSection={<Icon name="trash" size={14} />} onClick={() => removeTier(editor, tier)}>
            Remove
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {renaming && (
        <TierName opened onClose={() => setRenaming(false)} title={`Rename ${tier}`} action="Rename" taken={columnsOf(editor.document)} initial={tier} onName={(name) => renameTier(editor, tier, name)}>
          <Carriers projectId={projectId} tier={tier} />
        </TierName>
      )}
    </>
  )
}

function Carriers({ projectId, tier }: { projectId: string; tier: string }) {
  const list = api.useQuery('get', '/api/projects/{projectId}/identities', { params: { path: { projectId }, query: { tier, limit: 1 } } })
  if (!list.data) return null
  const n = list.data.total ?? list.data.totalAtLeast ?? 0
  if (n === 0) return 'Your server has set this tier for nobody.'
  return (
    <span className="warn">
      Your server has set this tier for {list.data.total === null ? 'at least ' : ''}
      {n} {n === 1 ? 'user' : 'users'}. They keep the old name, which then stands for no tier.
    </span>
  )
}

function removeTier(editor: Editor, tier: string) {
  const tiers = set((at(editor.document, ['tiers']) ?? {}) as JsonObject, [tier], null)
  editor.setFields([
    [['tiers'], tiers],
    ...(at(editor.document, ['defaultTier']) === tier ? ([[['defaultTier'], null]] as [string[], Json][]) : []),
  ])
}

function renameTier(editor: Editor, tier: string, name: string) {
  const tiers = (at(editor.document, ['tiers']) ?? {}) as JsonObject
  editor.setFields([
    [['tiers'], set(set(tiers, [tier], null), [name], tiers[tier] ?? {})],
    ...(at(editor.document, ['defaultTier']) === tier ? ([[['defaultTier'], name]] as [string[], Json][]) : []),
  ])
}

/** AddModel adds a row: a model seen in traffic first, then the price book's, then any name. */
export function AddModel({ projectId, editor, metric }: { projectId: string; editor: Editor; metric: Metric }) {
  const [typed, setTyped] = useState('')
  const [q] = useDebouncedValue(typed.trim(), 150)
  const models = api.useQuery('get', '/api/projects/{projectId}/models', { params: { path: { projectId }, query: { ...(q ? { q } : {}), limit: 20 } } })
  const keys = rowsOf(editor.document, editor.rows).flatMap((row) => (row.kind === 'model' ? [row.key] : []))
  const offered = (models.data?.items ?? []).filter((m) => !keys.includes(m.model))
  const winner = typed.trim() === '' ? null : keyFor(keys, typed.trim())
  const add = (key: string) => {
    const clean = key.trim()
    if (clean === '' || keys.includes(clean)) return
    editor.addRow(clean)
    setTyped('')
  }
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        add(typed)
      }}
    >
      <Group gap="xs" align="flex-start">
        <div>
          <Autocomplete
            aria-label={`Add a model to limit its ${metric === 'costUsd' ? 'cost' : metric}`}
            placeholder="+ model, such as gpt-4o or gpt-*"
            size="xs"
            w={250}
            value={typed}
            onChange={setTyped}
            onOptionSubmit={add}
            data={offered.map((m) => m.model)}
            maxDropdownHeight={260}
            renderOption={({ option }) => {
              const model = offered.find((m) => m.model === option.value)
              return (
                <Group justify="space-between" w="100%" wrap="nowrap" gap="xs">
                  <span className="break">{option.value}</span>
                  <Text size="xs" c="dimmed">
                    {model && model.requests30d > 0 ? percent(model.share) : ''}
                  </Text>
                </Group>
              )
            }}
          />
          {winner && winner !== typed.trim() && (
            <Text size="xs" c="dimmed" mt={4}>
              The row {winner} covers this name now.
            </Text>
          )}
        </div>
        <Button type="submit" size="xs" variant="default" disabled={typed.trim() === ''}>
          Add
        </Button>
      </Group>
    </form>
  )
}
