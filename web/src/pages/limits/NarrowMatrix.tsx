import { Group, Modal, Paper, Select, SegmentedControl, Text } from '@mantine/core'
import { useState } from 'react'
import { columnsOf, everyone, idOf, nameOf, nameOfColumn, rowsOf, type Address } from '../../settings/matrix'
import { AddModel, AddTier, TierMenu } from './Add'
import { CellEditor } from './CellEditor'
import { CellView, shownOf } from './CellView'
import { RowHead, type MatrixProps } from './Matrix'

/** NarrowMatrix is the table of the limits on a phone: one tier at a time, with a row for each model. */
export function NarrowMatrix({ projectId, editor, metric, readOnly, tier, onTier, onWhatIf }: MatrixProps & { tier: string | undefined; onTier: (tier: string | undefined) => void }) {
  const { document, base, rows: added } = editor
  const [editing, setEditing] = useState<Address | null>(null)
  const columns = columnsOf(document)
  const column = columns.includes(tier ?? everyone) ? (tier ?? everyone) : everyone
  const data = columns.map((c) => ({ value: c ?? '', label: nameOfColumn(c) }))
  return (
    <Paper>
      <Group p="sm" gap="xs" wrap="nowrap">
        {columns.length <= 3 ? (
          <SegmentedControl aria-label="Tier" value={column ?? ''} onChange={(value) => onTier(value || undefined)} data={data} fullWidth style={{ flex: 1, minWidth: 0 }} />
        ) : (
          <Select aria-label="Tier" value={column ?? ''} onChange={(value) => onTier(value || undefined)} data={data} allowDeselect={false} style={{ flex: 1 }} />
        )}
        {column !== everyone && !readOnly && <TierMenu tier={column} editor={editor} projectId={projectId} />}
        {!readOnly && <AddTier editor={editor} />}
      </Group>
      <ul className="narrow">
        {rowsOf(document, added).map((row) => {
          const address: Address = { row, column }
          const shown = shownOf(base, document, address, metric)
          return (
            <li key={idOf(row)}>
              <span className="narrow-head">
                <RowHead row={row} projectId={projectId} />
              </span>
              <button
                type="button"
                className="cell"
                aria-label={`${nameOf(address)}: ${shown.text}${shown.note ? `, ${shown.note}` : ''}${shown.changed ? ', not saved' : ''}`}
                onClick={() => {
                  onWhatIf(column ?? undefined, row.kind === 'model' && !row.key.includes('*') ? row.key : undefined)
                  if (!readOnly) setEditing(address)
                }}
              >
                <CellView shown={shown} />
              </button>
            </li>
          )
        })}
      </ul>
      {!readOnly && (
        <div className="narrow-foot">
          <AddModel projectId={projectId} editor={editor} metric={metric} />
          <Text size="xs" c="dimmed" mt={6}>
            Tap a value to change it.
          </Text>
        </div>
      )}
      <Modal opened={editing !== null} onClose={() => setEditing(null)} title="Change a limit" centered>
        {editing && (
          <CellEditor
            document={document}
            address={editing}
            metric={metric}
            onSet={(value) => {
              editor.setValue(editing, metric, value)
              setEditing(null)
            }}
            onCancel={() => setEditing(null)}
          />
        )}
      </Modal>
    </Paper>
  )
}
