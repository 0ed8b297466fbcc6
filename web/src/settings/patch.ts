/** Merge patches (RFC 7396) of JSON documents: what they change, and what two people have changed. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }
export type Path = readonly string[]

const isObject = (v: unknown): v is JsonObject => typeof v === 'object' && v !== null && !Array.isArray(v)

export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equal(item, b[i]))
  if (!isObject(a) || !isObject(b)) return false
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...keys].every((key) => equal(a[key] ?? null, b[key] ?? null))
}

/** diff returns the merge patch that makes `to` of `from`. It is empty where they are the same. */
export function diff(from: JsonObject, to: JsonObject): JsonObject {
  const patch: JsonObject = {}
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const was = from[key] ?? null
    const is = to[key] ?? null
    if (equal(was, is) && (was === null) === (is === null)) continue
    patch[key] = isObject(was) && isObject(is) ? diff(was, is) : is
  }
  return patch
}

/** apply returns a document changed by a merge patch. */
export function apply(document: JsonObject, patch: JsonObject): JsonObject {
  const out: JsonObject = { ...document }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key]
    else if (isObject(value)) out[key] = apply(isObject(out[key]) ? out[key] : {}, value)
    else out[key] = value
  }
  return out
}

export const isEmpty = (patch: JsonObject) => Object.keys(patch).length === 0

/** at returns the value at a path, or null. */
export function at(document: Json | undefined, path: Path): Json {
  let value: Json | undefined = document
  for (const key of path) value = isObject(value) ? value[key] : undefined
  return value ?? null
}

/** set returns a document with a value at a path. null removes it. */
export function set(document: JsonObject, path: Path, value: Json): JsonObject {
  const [key, ...rest] = path
  if (key === undefined) return document
  const out = { ...document }
  if (rest.length > 0) out[key] = set(isObject(out[key]) ? out[key] : {}, rest, value)
  else if (value === null) delete out[key]
  else out[key] = value
  return out
}

export interface Leaf {
  path: string[]
  value: Json
}

/** leaves lists what a patch sets, each with its path. An empty object in a patch makes an empty object. */
export function leaves(patch: JsonObject, above: Path = []): Leaf[] {
  return Object.entries(patch).flatMap(([key, value]) => {
    const path = [...above, key]
    return isObject(value) && !isEmpty(value) ? leaves(value, path) : [{ path, value }]
  })
}

export interface Conflict {
  path: string[]
  mine: Json
  theirs: Json
}

/**
 * rebase carries a patch of an old document over to a new one. Where somebody else has changed the same value to another one,
 * it is a conflict, and not in the patch.
 */
export function rebase(old: JsonObject, current: JsonObject, patch: JsonObject): { patch: JsonObject; conflicts: Conflict[] } {
  const conflicts: Conflict[] = []
  let wanted = current
  for (const { path, value } of leaves(patch)) {
    const theirs = at(current, path)
    if (equal(theirs, at(old, path)) || equal(theirs, value)) wanted = set(wanted, path, value)
    else conflicts.push({ path, mine: value, theirs })
  }
  return { patch: diff(current, wanted), conflicts }
}
