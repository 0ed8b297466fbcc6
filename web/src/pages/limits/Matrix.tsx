import { Group, Paper, Popover, Text } from '@mantine/core'
import { useRef, useState, type ClipboardEvent, type KeyboardEvent } from 'react'
import { api } from '../../api/client'
import { percent, type Metric } from '../../format/number'
import { parseCell } from '../../settings/cell'
import { columnsOf, everyone, idOf, nameOf, nameOfColumn, rowsOf, sameAddress, type Address, type Row } from '../../settings/matrix'
import { AddModel, AddTier, TierMenu } from './Add'
import { CellEditor } from './CellEditor'
import { CellView, shownOf } from './CellView'
import type { Editor } from './useEditor'

export interface MatrixProps {
  projectId: string
  editor: Editor
  metric: Metric
  readOnly: boolean
  onWhatIf: (tier: string | undefined, model: string | undefined) => void
}

/** Matrix is the table of the limits. One cell is a stop for the keyboard; arrows move, typing edits. */
export function Matrix({ projectId, editor, metric, readOnly, onWhatIf }: MatrixProps) {
  const { document, base, rows: added } = editor
  const columns = columnsOf(document)
  const rows = rowsOf(document, added)
  const [place, setPlace] = useState({ row: 0, column: 0 })
  const [editing, setEditing] = useState<{ address: Address; typed?: string } | null>(null)
  const [pointed, setPointed] = useState<Address | null>(null)
  const cells = useRef(new Map<string, HTMLElement>())
  const row = Math.min(place.row, rows.length - 1)
  const column = Math.min(place.column, columns.length - 1)
  const current: Address = { row: rows[row]!, column: columns[column]! }
  const lit = pointed ? shownOf(base, document, pointed, metric).from : null
  const keyOf = (a: Address) => `${idOf(a.row)}\n${a.column ?? ''}`
  const focus = (a: Address) => cells.current.get(keyOf(a))?.focus()

  const move = (down: number, right: number) => {
    const next = { row: Math.min(Math.max(row + down, 0), rows.length - 1), column: Math.min(Math.max(column + right, 0), columns.length - 1) }
    setPlace(next)
    focus({ row: rows[next.row]!, column: columns[next.column]! })
  }
  const edit = (address: Address, typed?: string) => !readOnly && setEditing({ address, typed })
  // Events of dialogs that the table opens bubble up to it, too.
  const onCell = (e: { target: EventTarget }) => !editing && (e.target as HTMLElement).classList.contains('cell')
  const onKeyDown = (e: KeyboardEvent) => {
    if (!onCell(e)) return
    const arrow = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -99], End: [0, 99] }[e.key]
    if (arrow) move(arrow[0]!, arrow[1]!)
    else if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'z') editor.undo()
    else if (e.ctrlKey || e.metaKey || e.altKey) return
    else if (e.key === 'Enter' || e.key === 'F2') edit(current)
    else if (readOnly) return
    else if (/^[\d.,$]$/.test(e.key)) edit(current, e.key)
    else if (e.key === 'u') editor.setValue(current, metric, -1)
    else if (e.key === 'x') editor.setValue(current, metric, 0)
    else if (e.key === 'Backspace' || e.key === 'Delete') editor.setValue(current, metric, null)
    else return
    e.preventDefault()
  }
  const onPaste = (e: ClipboardEvent) => {
    if (!onCell(e) || readOnly) return
    e.preventDefault()
    const lines = e.clipboardData.getData('text').replace(/\r?\n$/, '').split(/\r?\n/).map((line) => line.split('\t'))
    const pasted = lines.flatMap((texts, i) =>
      texts.flatMap((text, j) => {
        const address = rows[row + i] && columns[column + j] !== undefined ? { row: rows[row + i]!, column: columns[column + j]! } : null
        const parsed = parseCell(text, address?.row.kind === 'pace' ? 'requests' : metric)
        return address && parsed.ok ? [{ address, value: parsed.value }] : []
      }),
    )
    if (pasted.length > 0) editor.setValues(pasted, metric)
  }
  const close = () => {
    const was = editing?.address
    setEditing(null)
    if (was) requestAnimationFrame(() => focus(was))
  }
  return (
    <Paper className="matrix-frame">
      <div className="matrix-scroll" tabIndex={-1}>
        <table className="matrix" role="grid" aria-label={`Limits of ${metric === 'costUsd' ? 'cost' : metric}`} aria-readonly={readOnly} onKeyDown={onKeyDown} onPaste={onPaste}>
          <thead>
            <tr role="row">
              <th scope="col" role="columnheader">
                <Text size="xs" c="dimmed" fw={400}>
                  for each user
                </Text>
              </th>
              {columns.map((c) => (
                <th key={c ?? ''} scope="col" role="columnheader">
                  <Group gap={4} wrap="nowrap" justify="space-between">
                    <span className="break">{nameOfColumn(c)}</span>
                    {c !== everyone && !readOnly && <TierMenu tier={c} editor={editor} projectId={projectId} />}
                  </Group>
                </th>
              ))}
              {!readOnly && (
                <th role="columnheader" className="matrix-add">
                  <AddTier editor={editor} />
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map((r, i) => (
              <tr key={idOf(r)} role="row" data-kind={r.kind} className={r.kind === 'pace' && rows[i - 1]?.kind !== 'pace' ? 'matrix-pace' : undefined}>
                <th scope="row" role="rowheader">
                  <RowHead row={r} projectId={projectId} />
                </th>
                {columns.map((c, j) => {
                  const address: Address = { row: r, column: c }
                  const shown = shownOf(base, document, address, metric)
                  const here = i === row && j === column
                  const open = editing !== null && sameAddress(editing.address, address)
                  return (
                    <td key={c ?? ''} role="gridcell" data-lit={lit !== null && sameAddress(lit, address)}>
                      <Popover opened={open} onDismiss={close} trapFocus returnFocus={false} position="bottom-start" withArrow shadow="md">
                        <Popover.Target>
                          <button
                            ref={(node) => {
                              if (node) cells.current.set(keyOf(address), node)
                              else cells.current.delete(keyOf(address))
                            }}
                            type="button"
                            className="cell"
                            tabIndex={here ? 0 : -1}
                            aria-label={`${nameOf(address)}: ${shown.text}${shown.kind === 'inherits' && shown.from ? `, inherits from ${nameOf(shown.from)}` : ''}${shown.changed ? ', not saved' : ''}`}
                            onFocus={() => {
                              setPlace({ row: i, column: j })
                              setPointed(address)
                            }}
                            onBlur={() => setPointed(null)}
                            onMouseEnter={() => setPointed(address)}
                            onMouseLeave={() => setPointed(null)}
                            onClick={() => {
                              onWhatIf(c ?? undefined, r.kind === 'model' && !r.key.includes('*') ? r.key : undefined)
                              edit(address)
                            }}
                          >
                            <CellView shown={shown} />
                          </button>
                        </Popover.Target>
                        <Popover.Dropdown>
                          {open && (
                            <CellEditor
                              document={document}
                              address={address}
                              metric={metric}
                              typed={editing.typed}
                              onSet={(value) => {
                                editor.setValue(address, metric, value)
                                close()
                              }}
                              onCancel={close}
                            />
                          )}
                        </Popover.Dropdown>
                      </Popover>
                    </td>
                  )
                })}
                {!readOnly && <td aria-hidden="true" className="matrix-add" />}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Group p="sm" justify="space-between" gap="sm" className="matrix-foot">
        {readOnly ? <span /> : <AddModel projectId={projectId} editor={editor} metric={metric} />}
        <Text size="xs" c="dimmed">
          Type a number, <kbd>u</kbd> unlimited, <kbd>x</kbd> blocked, <kbd>⌫</kbd> inherit.
        </Text>
      </Group>
    </Paper>
  )
}

/** RowHead names a row, and says how much of the traffic a model has. */
export function RowHead({ row, projectId }: { row: Row; projectId: string }) {
  const models = api.useQuery('get', '/api/projects/{projectId}/models', { params: { path: { projectId }, query: { limit: 50 } } })
  if (row.kind === 'base') {
    return (
      <>
        All other models
        <span className="cell-note">counted together</span>
      </>
    )
  }
  if (row.kind === 'pace') return <>{row.field === 'requestsPerMinute' ? 'Requests a minute' : 'At the same time'}</>
  const seen = models.data?.items.find((m) => m.model === row.key)
  return (
    <>
      <span className="break">{row.key}</span>
      <span className="cell-note">{row.key === '*' ? 'each model without a row, together' : row.key.endsWith('*') ? 'all that begin so, together' : seen && seen.requests30d > 0 ? `${percent(seen.share)} of requests` : ''}</span>
    </>
  )
}

