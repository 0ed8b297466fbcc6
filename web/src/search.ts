/** The query of an address, as plain texts: what is undefined or empty is left out. */

export function parseSearch(query: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(query))
}

export function stringifySearch(search: Record<string, unknown>): string {
  const fields = new URLSearchParams()
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== '' && value !== false) fields.set(name, String(value))
  }
  const query = fields.toString()
  return query ? `?${query}` : ''
}

export const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

export const flag = (value: unknown): boolean | undefined => (value === true || value === 'true' ? true : undefined)

export function oneOf<const T extends readonly string[]>(value: unknown, allowed: T): T[number] | undefined {
  return allowed.includes(value as string) ? (value as T[number]) : undefined
}

/** searchOf makes the reader of a page's query: what it reads may also be absent. */
export const searchOf =
  <T extends Record<string, unknown>>(read: (search: Record<string, unknown>) => T) =>
  (search: Record<string, unknown>): Partial<T> =>
    read(search)
