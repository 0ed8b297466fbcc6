import { Alert, Button, Checkbox, Group, Modal, Skeleton, Stack, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useEffect, useState } from 'react'
import { api, etagOf, http, queries, type Schemas } from '../../api/client'
import { Problem } from '../../api/problem'
import { compact, metrics } from '../../format/number'
import { writeCell } from '../../settings/cell'
import { patchCommand, patchCurl } from '../../settings/commands'
import { dangerOf, isLimitPath, nameOfColumn, potChanges, type Danger } from '../../settings/matrix'
import type { Json, JsonObject } from '../../settings/patch'
import { Code } from '../../ui/Code'
import { Icon } from '../../ui/Icon'
import { Failure, View } from '../../ui/View'
import type { Editor } from './useEditor'

interface Props {
  opened: boolean
  onClose: () => void
  projectId: string
  editor: Editor
}

/** Review shows what a change would do, by the server's dry run, and saves it. */
export function Review({ opened, onClose, ...rest }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Review" size="lg">
      {opened && <Content onClose={onClose} {...rest} />}
    </Modal>
  )
}

const dangers: Record<Danger, string> = { blocked: 'blocks', removed: 'removes a limit', huge: 'is at least a hundred times as much' }

function Content({ onClose, projectId, editor }: Omit<Props, 'opened'>) {
  const [reason, setReason] = useState('')
  const [agreed, setAgreed] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const { patch, version } = editor
  const body = patch as Schemas['Settings']
  const header = { 'If-Match': etagOf(version) }
  const trial = api.useQuery('patch', '/api/projects/{projectId}', { params: { path: { projectId }, query: { dryRun: true }, header }, body }, { staleTime: 0, gcTime: 0 })
  useEffect(() => {
    if (meetsNewer(trial.error, editor)) onClose()
  }, [trial.error]) // eslint-disable-line react-hooks/exhaustive-deps
  const tried = trial.data as Schemas['Trial'] | undefined
  const risky = (tried?.changes ?? []).flatMap((c) => {
    const danger = isLimitPath(c.path) || c.to === null ? dangerOf(c.from as Json, c.to as Json) : null
    return danger ? [{ ...c, danger }] : []
  })
  const save = async () => {
    setBusy(true)
    setError(null)
    try {
      const { data } = await http.PATCH('/api/projects/{projectId}', { params: { path: { projectId }, query: reason.trim() ? { reason: reason.trim() } : {}, header }, body })
      editor.discard()
      settled(projectId, data as Schemas['Project'])
      offerUndo(projectId, version, (data as Schemas['Project']).version)
      onClose()
    } catch (problem) {
      if (meetsNewer(problem, editor)) onClose()
      else setError(problem)
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        void save()
      }}
    >
      <Stack>
        <View query={{ ...trial, data: tried }} skeleton={<Skeleton height={140} />}>
          {(data) => <Changes data={data} base={editor.base} document={editor.document} />}
        </View>
        {risky.length > 0 && (
          <Alert color="orange" icon={<Icon name="warn" />} title="Look twice">
            <Stack gap={8}>
              {risky.map((c) => (
                <Text key={c.path} size="sm" className="break">
                  {c.text}: {dangers[c.danger]}.
                </Text>
              ))}
              <Checkbox label="That is what I want" checked={agreed} onChange={(e) => setAgreed(e.currentTarget.checked)} />
            </Stack>
          </Alert>
        )}
        <TextInput label="Reason" description="For the history. You may leave it empty." value={reason} maxLength={500} onChange={(e) => setReason(e.currentTarget.value)} />
        {error ? <Failure error={error} what="Not saved" /> : null}
        <details>
          <summary className="dim">As a command</summary>
          <Stack gap="xs" mt="xs">
            <Code label="As curl" text={patchCurl(projectId, patch, reason.trim())} wrap />
            <Code label="At the command line of the server" text={patchCommand(projectId, patch, reason.trim())} wrap />
          </Stack>
        </details>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Back
          </Button>
          <Button type="submit" loading={busy} disabled={!tried || tried.changes.length === 0 || (risky.length > 0 && !agreed)}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** Changes lists a change in words, and its effects. */
function Changes({ data, base, document }: { data: Schemas['Trial']; base: JsonObject; document: JsonObject }) {
  const pots = metrics.flatMap(({ value }) => potChanges(base, document, value).map((p) => ({ ...p, metric: value })))
  return (
    <Stack gap="sm">
      {data.changes.length === 0 && <Text size="sm">Nothing would change: the draft is what is in force.</Text>}
      <ul className="changes">
        {data.changes.map((c) => (
          <li key={c.path} className="break">
            {c.text}
          </li>
        ))}
      </ul>
      {pots.slice(0, 8).map((p) => (
        <Text key={`${p.metric} ${p.column} ${p.key}`} size="sm" c="dimmed">
          {p.key} of {nameOfColumn(p.column)} {p.left ? 'no longer counts' : 'counts again'} against the {writeCell(p.pot, p.metric)} shared by all other models.
        </Text>
      ))}
      {data.effects.map((effect) => (
        <Group key={effect.text} gap={8} wrap="nowrap" align="flex-start">
          <Icon name="users" size={16} />
          <Text size="sm" className="break">
            <b className="num">
              {effect.atLeast ? '≥ ' : ''}
              {compact(effect.identities)}
            </b>{' '}
            {effect.text}
          </Text>
        </Group>
      ))}
      {data.warnings.map((warning) => (
        <Group key={warning.path + warning.text} gap={8} wrap="nowrap" align="flex-start" className="warn">
          <Icon name="warn" size={16} />
          <Text size="sm" className="break" c="var(--mantine-color-text)">
            {warning.path ? `${warning.path}: ` : ''}
            {warning.text}
          </Text>
        </Group>
      ))}
    </Stack>
  )
}

/** meetsNewer carries the draft over if an error says that somebody else has saved meanwhile. */
function meetsNewer(error: unknown, editor: Editor): boolean {
  if (!(error instanceof Problem) || error.code !== 'document_changed') return false
  editor.meet(error.body.current as Schemas['Project'], editor.base)
  return true
}

/** settled makes saved settings known to the page. */
export function settled(projectId: string, project: Schemas['Project']) {
  queries.setQueryData(api.queryOptions('get', '/api/projects/{projectId}', { params: { path: { projectId } } }).queryKey, project)
  void queries.invalidateQueries({ predicate: (q) => JSON.stringify(q.queryKey).includes(projectId) && q.queryKey[1] !== '/api/projects/{projectId}' })
}

/** offerUndo offers for ten seconds to take a change back, by restoring the version before it. */
function offerUndo(projectId: string, before: number, now: number) {
  const id = notifications.show({
    autoClose: 10_000,
    icon: <Icon name="check" size={16} />,
    color: 'green.9',
    closeButtonProps: { 'aria-label': 'Close' },
    message: (
      <Group justify="space-between" wrap="nowrap">
        <span>In force.</span>
        <Button size="compact-sm" variant="default" onClick={() => void undo()}>
          Undo
        </Button>
      </Group>
    ),
  })
  const undo = async () => {
    notifications.hide(id)
    try {
      const { data } = await restore(projectId, before, now, `Undo of v${now}`)
      settled(projectId, data as Schemas['Project'])
      notifications.show({ message: 'Taken back.', autoClose: 4000, closeButtonProps: { 'aria-label': 'Close' } })
    } catch (problem) {
      notifications.show({ message: problem instanceof Error ? problem.message : 'Not taken back.', color: 'red.9', closeButtonProps: { 'aria-label': 'Close' } })
    }
  }
}

/** restore makes the settings of an earlier version the present ones. */
export const restore = (projectId: string, n: number, present: number, reason: string) =>
  http.POST('/api/projects/{projectId}/settings/versions/{n}/restore', {
    params: { path: { projectId, n }, header: { 'If-Match': etagOf(present) } },
    body: reason ? { reason } : {},
  })
