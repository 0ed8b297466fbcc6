import { exact, money, type Metric } from '../format/number'

/** A cell of the limits: a number, or null where it inherits. -1 is unlimited, 0 is blocked. */
export type CellValue = number | null

export type Parsed = { ok: true; value: CellValue } | { ok: false; problem: string }

export interface Separators {
  decimal: string
  group: string
}

/** separatorsOf returns what a language writes between the digits of a number. */
export function separatorsOf(languages?: string | readonly string[]): Separators {
  const parts = new Intl.NumberFormat(languages as string[] | undefined, { useGrouping: true }).formatToParts(1234567.5)
  return { decimal: parts.find((p) => p.type === 'decimal')?.value ?? '.', group: parts.find((p) => p.type === 'group')?.value ?? ',' }
}

const words: Record<string, CellValue> = { unlimited: -1, u: -1, '∞': -1, '-1': -1, blocked: 0, x: 0, '⊘': 0, '': null, inherit: null, inherits: null }
const factors: Record<string, number> = { k: 1e3, m: 1e6, b: 1e9 }
const most = { requests: 1e15, tokens: 1e15, costUsd: 1e9 } satisfies Record<Metric, number>

/** parseCell reads what a person types into a cell: 500, 10k, 1.5M, $0.05, unlimited, blocked, or nothing. */
export function parseCell(typed: string, metric: Metric, separators: Separators = separatorsOf()): Parsed {
  const word = typed.trim().toLowerCase()
  if (word in words) return { ok: true, value: words[word]! }
  const match = /^\$?\s*(-?[\d.,'’\s\u00a0\u202f]+?)\s*([kmb])?\s*\$?$/i.exec(word)
  const digits = match && plain(match[1]!, separators)
  if (!match || digits === null) {
    return { ok: false, problem: `Type a number such as ${metric === 'costUsd' ? `0${separators.decimal}05` : `500, 10k or 1${separators.decimal}5M`}, or unlimited, or blocked.` }
  }
  const value = round(Number(digits) * (factors[match[2]?.toLowerCase() ?? ''] ?? 1))
  if (value < 0) return { ok: false, problem: 'A limit is not negative. For no limit, type unlimited.' }
  if (value > most[metric]) return { ok: false, problem: `At most ${exact(most[metric])}. For no limit, type unlimited.` }
  if (metric !== 'costUsd' && !Number.isInteger(value)) return { ok: false, problem: `${metric === 'tokens' ? 'Tokens' : 'Requests'} are whole numbers.` }
  if (metric === 'costUsd' && Math.abs(value * 1e6 - Math.round(value * 1e6)) > 1e-3) return { ok: false, problem: 'A cost has at most six decimals.' }
  return { ok: true, value }
}

const round = (n: number) => Number(n.toPrecision(15))

/**
 * plain returns a number in the user's format with a point and without groups, or null. A group has three digits: else 1,5 would
 * be read as 15.
 */
function plain(text: string, { decimal, group }: Separators): string | null {
  const squeezed = text.replace(/[\s\u00a0\u202f'’]/g, (c) => (/\s/.test(group) || "'’".includes(group) ? ' ' : c === "'" || c === '’' ? c : ' '))
  const [whole, fraction, ...more] = squeezed.trim().split(decimal)
  if (more.length > 0 || whole === undefined || (fraction !== undefined && !/^\d+$/.test(fraction))) return null
  const separator = /\s/.test(group) || "'’".includes(group) ? ' ' : group
  const groups = whole.split(separator)
  const right = groups.length === 1 ? /^-?\d*$/.test(whole) : /^-?\d{1,3}$/.test(groups[0]!) && groups.slice(1).every((g) => /^\d{3}$/.test(g))
  if (!right || (!/\d/.test(whole) && fraction === undefined)) return null
  return `${groups.join('') || '0'}${fraction === undefined ? '' : `.${fraction}`}`
}

/** writeCell writes a value as it would be typed and read. */
export function writeCell(value: CellValue, metric: Metric): string {
  if (value === null) return 'inherits'
  if (value === -1) return 'Unlimited'
  if (value === 0) return 'Blocked'
  return metric === 'costUsd' ? money(value) : exact(value)
}

/** inputOf is the text with which the editing of a value begins. */
export function inputOf(value: CellValue, separators: Separators = separatorsOf()): string {
  if (value === null || value <= 0) return ''
  return String(value).replace('.', separators.decimal)
}
