import type { Metric } from '../../format/number'
import { writeCell } from '../../settings/cell'
import { nameOfColumn, resolve, sameAddress, valueAt, type Address } from '../../settings/matrix'
import type { JsonObject } from '../../settings/patch'
import { Icon, type IconName } from '../../ui/Icon'

export interface Shown {
  icon: IconName
  text: string
  /** The second line: where an inherited value is from, or what counts together. */
  note: string
  kind: 'number' | 'unlimited' | 'blocked' | 'inherits'
  changed: boolean
  from: Address | null
}

/** shownOf says what a cell shows: one of four states, each with a word and an icon of its own. */
export function shownOf(base: JsonObject, document: JsonObject, address: Address, metric: Metric): Shown {
  const own = valueAt(document, address, metric)
  const pace = address.row.kind === 'pace'
  const changed = own !== valueAt(base, address, metric)
  if (own === -1) return { icon: 'infinity', text: 'Unlimited', note: '', kind: 'unlimited', changed, from: null }
  if (own === 0) return { icon: 'blocked', text: 'Blocked', note: address.row.kind === 'base' && metric !== 'costUsd' ? 'but for credits' : '', kind: 'blocked', changed, from: null }
  if (own !== null) return { icon: 'hash', text: writeCell(own, pace ? 'requests' : metric), note: address.row.kind === 'base' ? 'shared' : '', kind: 'number', changed, from: null }
  const { value, from } = resolve(document, address, metric)
  if (value === null || from === null) return { icon: 'left', text: pace ? 'no cap' : 'no limit', note: '', kind: 'inherits', changed, from: null }
  return { icon: from.column === address.column ? 'up' : 'left', text: writeCell(value, pace ? 'requests' : metric), note: sourceOf(address, from), kind: 'inherits', changed, from: sameAddress(from, address) ? null : from }
}

function sourceOf(address: Address, from: Address): string {
  const where = from.column === address.column ? '' : `${nameOfColumn(from.column)} · `
  if (from.row.kind === 'base') return `${where}all other models`
  if (from.row.kind === 'model') return `${where}${from.row.key}`
  return nameOfColumn(from.column)
}

export function CellView({ shown }: { shown: Shown }) {
  return (
    <span className="cell-view" data-kind={shown.kind}>
      <span className="cell-main">
        <Icon name={shown.icon} size={14} />
        <span className="num">{shown.text}</span>
        {shown.changed && (
          <span className="warn" title="not saved">
            ●<span className="sr">not saved</span>
          </span>
        )}
      </span>
      {shown.note && (
        <span className="cell-note">
          {shown.kind === 'inherits' && shown.from ? <span className="sr">inherits from </span> : null}
          {shown.note}
        </span>
      )}
    </span>
  )
}
