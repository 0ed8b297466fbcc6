import type { Metric } from '../format/number'
import type { CellValue } from './cell'
import { at, set, type Json, type JsonObject, type Path } from './patch'

/**
 * The limits of a settings document as a table: a column for everyone and one for each tier, a row for all other models, one for
 * each model key, and two for the pace. What a request really gets, the server says (limits/explain); this only shows the
 * document.
 */

/** The column of everyone. Tiers have their names. */
export const everyone = null
export type Column = string | null

export type Row = { kind: 'base' } | { kind: 'model'; key: string } | { kind: 'pace'; field: 'requestsPerMinute' | 'concurrentRequests' }

export interface Address {
  column: Column
  row: Row
}

const fields = { requests: 'requestLimit', tokens: 'tokenLimit', costUsd: 'costLimitUsd' } satisfies Record<Metric, string>

export const sameAddress = (a: Address, b: Address) => a.column === b.column && idOf(a.row) === idOf(b.row)

export const idOf = (row: Row) => (row.kind === 'base' ? 'base' : row.kind === 'model' ? `model:${row.key}` : row.field)

/** pathOf returns where the document has a cell. */
export function pathOf({ column, row }: Address, metric: Metric): string[] {
  const level = column === everyone ? [] : ['tiers', column]
  if (row.kind === 'pace') return [...level, row.field]
  if (row.kind === 'base') return [...level, fields[metric]]
  return [...level, 'modelLimits', row.key, fields[metric]]
}

const numberAt = (document: JsonObject, path: Path): CellValue => {
  const value = at(document, path)
  return typeof value === 'number' ? value : null
}

export const valueAt = (document: JsonObject, address: Address, metric: Metric) => numberAt(document, pathOf(address, metric))

/** setCell returns the document with a cell set. A model key without a limit left is removed. */
export function setCell(document: JsonObject, address: Address, metric: Metric, value: CellValue): JsonObject {
  const path = pathOf(address, metric)
  const changed = set(document, path, value)
  if (address.row.kind !== 'model') return changed
  const key = path.slice(0, -1)
  const left = at(changed, key) as JsonObject | null
  return left && Object.values(left).every((v) => v === null) ? set(changed, key, null) : changed
}

/** columnsOf lists the columns: everyone, then the tiers by name. */
export function columnsOf(document: JsonObject): Column[] {
  return [everyone, ...Object.keys((at(document, ['tiers']) ?? {}) as JsonObject).sort()]
}

const keysAt = (document: JsonObject, column: Column): string[] =>
  Object.keys((at(document, [...(column === everyone ? [] : ['tiers', column]), 'modelLimits']) ?? {}) as JsonObject)

/** rowsOf lists the rows, with those that the user has added and not filled in yet. */
export function rowsOf(document: JsonObject, added: readonly string[]): Row[] {
  const keys = new Set([...columnsOf(document).flatMap((column) => keysAt(document, column)), ...added])
  const sorted = [...keys].sort((a, b) => (a === '*' ? 1 : b === '*' ? -1 : a.localeCompare(b)))
  return [
    { kind: 'base' },
    ...sorted.map((key): Row => ({ kind: 'model', key })),
    { kind: 'pace', field: 'requestsPerMinute' },
    { kind: 'pace', field: 'concurrentRequests' },
  ]
}

/** covers reports whether a model key covers a name: itself, its snapshots and variants, or what begins so before a star. */
export function covers(key: string, model: string): boolean {
  const k = key.toLowerCase()
  const m = model.toLowerCase()
  if (k.endsWith('*')) return m.startsWith(k.slice(0, -1))
  if (!m.startsWith(k)) return false
  return /^($|[:@]|-latest$|-\d{4}-\d{2}-\d{2}$|-\d{8}$|-\d{3}$)/.test(m.slice(k.length))
}

/** keyFor returns the key of a list that decides for a model: the longest that covers it. */
export function keyFor(keys: readonly string[], model: string): string | null {
  const fit = keys.filter((key) => key.toLowerCase() === model.toLowerCase() || covers(key, model))
  return fit.sort((a, b) => b.length - a.length)[0] ?? null
}

/** chainOf lists the cells that are looked at for a cell, in order, itself first. */
export function chainOf(document: JsonObject, { column, row }: Address, metric: Metric): Address[] {
  const columns: Column[] = column === everyone ? [everyone] : [column, everyone]
  if (row.kind === 'pace') return columns.map((c) => ({ column: c, row }))
  const models: Address[] = []
  if (row.kind === 'model') {
    for (const c of columns) {
      const set = keysAt(document, c).filter((key) => valueAt(document, { column: c, row: { kind: 'model', key } }, metric) !== null)
      const key = keyFor(set, row.key)
      models.push({ column: c, row: { kind: 'model', key: key ?? row.key } })
    }
  }
  const itself: Address = { column, row }
  const chain: Address[] = [itself, ...models, ...columns.map((c): Address => ({ column: c, row: { kind: 'base' } }))]
  return chain.filter((a, i) => chain.findIndex((b) => sameAddress(a, b)) === i)
}

export interface Resolved {
  value: CellValue
  from: Address | null
}

/** resolve returns the value in force for a cell, and the cell that sets it. Null: nothing does, and there is no limit. */
export function resolve(document: JsonObject, address: Address, metric: Metric): Resolved {
  for (const from of chainOf(document, address, metric)) {
    const value = valueAt(document, from, metric)
    if (value !== null) return { value, from }
  }
  return { value: null, from: null }
}

/** alsoDecides lists the tiers for which a model's row of everyone decides although they have a value for all other models. */
export function alsoDecides(document: JsonObject, address: Address, metric: Metric): { tier: string; value: number }[] {
  const { row } = address
  if (address.column !== everyone || row.kind !== 'model' || valueAt(document, address, metric) === null) return []
  return columnsOf(document).flatMap((tier) => {
    if (tier === everyone) return []
    const own = valueAt(document, { column: tier, row: { kind: 'base' } }, metric)
    const { from } = resolve(document, { column: tier, row }, metric)
    return own !== null && from && sameAddress(from, address) ? [{ tier, value: own }] : []
  })
}

export const nameOfColumn = (column: Column) => (column === everyone ? 'Everyone' : column)

export function nameOfRow(row: Row): string {
  if (row.kind === 'base') return 'all other models'
  if (row.kind === 'pace') return row.field === 'requestsPerMinute' ? 'requests a minute' : 'at the same time'
  return row.key === '*' ? 'any other model (*)' : row.key
}

export const nameOf = ({ column, row }: Address) => `${nameOfColumn(column)} · ${nameOfRow(row)}`

/** potChanges says which models leave or join a shared pot by a change: a row of its own is counted by itself. */
export function potChanges(before: JsonObject, after: JsonObject, metric: Metric): { column: Column; key: string; left: boolean; pot: number }[] {
  const out: { column: Column; key: string; left: boolean; pot: number }[] = []
  for (const column of columnsOf(after)) {
    for (const row of rowsOf(after, rowsOf(before, []).flatMap((r) => (r.kind === 'model' ? [r.key] : [])))) {
      if (row.kind !== 'model') continue
      const was = resolve(before, { column, row }, metric)
      const is = resolve(after, { column, row }, metric)
      const shared = (r: Resolved) => r.from?.row.kind === 'base' && r.value !== null && r.value > 0
      if (shared(was) && is.from?.row.kind === 'model') out.push({ column, key: row.key, left: true, pot: was.value! })
      else if (was.from?.row.kind === 'model' && shared(is)) out.push({ column, key: row.key, left: false, pot: is.value! })
    }
  }
  return out
}

export type Danger = 'blocked' | 'removed' | 'huge'

/** dangerOf says why a change of a limit needs a second look. */
export function dangerOf(from: Json, to: Json): Danger | null {
  if (to === 0 && from !== 0) return 'blocked'
  if (typeof from === 'number' && from >= 0 && (to === -1 || to === null)) return 'removed'
  if (typeof from === 'number' && typeof to === 'number' && from > 0 && to / from >= 100) return 'huge'
  return null
}

const limitFields = new Set<string>([...Object.values(fields), 'requestsPerMinute', 'concurrentRequests'])

export const isLimitPath = (path: string) => limitFields.has(path.slice(path.lastIndexOf('.') + 1))
