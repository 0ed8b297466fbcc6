import type { Json, JsonObject } from './patch'

/**
 * splitPath returns the parts of a path as the server writes it, such as modelLimits.gemini-2.5-flash.requestLimit. Names may
 * contain points, so the document says where a part ends.
 */
export function splitPath(document: Json | undefined, path: string): string[] {
  const known = typeof document === 'object' && document !== null && !Array.isArray(document) ? Object.keys(document) : []
  const name = known.filter((key) => path === key || path.startsWith(`${key}.`)).sort((a, b) => b.length - a.length)[0] ?? path.split('.')[0]!
  const rest = path.slice(name.length + 1)
  return rest === '' ? [name] : [name, ...splitPath((document as JsonObject | undefined)?.[name], rest)]
}

/** patchOf returns the merge patch that sets a value at a path. */
export function patchOf(path: readonly string[], value: Json): JsonObject {
  const [key, ...rest] = path
  return key === undefined ? {} : { [key]: rest.length === 0 ? value : patchOf(rest, value) }
}
