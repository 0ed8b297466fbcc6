import { useCallback, useSyncExternalStore } from 'react'
import { apply, isEmpty, type JsonObject } from './patch'

/**
 * A draft is a change of the settings that is not saved: a merge patch of a version. It is kept in the tab, so a reload, Back, or
 * a sign-in loses nothing.
 */
export interface Draft {
  /** The version of the settings that the patch changes. */
  version: number
  patch: JsonObject
  /** Rows that were added and have no value yet. */
  rows: string[]
}

const nameOf = (projectId: string) => `draft:${projectId}`
const listeners = new Set<() => void>()
const cache = new Map<string, Draft | null>()

function read(projectId: string): Draft | null {
  if (!cache.has(projectId)) {
    try {
      cache.set(projectId, JSON.parse(sessionStorage.getItem(nameOf(projectId)) ?? 'null') as Draft | null)
    } catch {
      cache.set(projectId, null)
    }
  }
  return cache.get(projectId) ?? null
}

function write(projectId: string, draft: Draft | null) {
  const kept = draft && (isEmpty(draft.patch) && draft.rows.length === 0 ? null : draft)
  cache.set(projectId, kept)
  try {
    if (kept) sessionStorage.setItem(nameOf(projectId), JSON.stringify(kept))
    else sessionStorage.removeItem(nameOf(projectId))
  } catch {
    // Storage is full or off: the draft lives as long as the page.
  }
  for (const listener of listeners) listener()
}

/** addToDraft lays a further change over a project's draft. */
export function addToDraft(projectId: string, version: number, change: JsonObject) {
  const draft = read(projectId)
  write(projectId, { version: draft?.version ?? version, patch: merge(draft?.patch ?? {}, change), rows: draft?.rows ?? [] })
}

/** merge joins two patches; apply would drop the nulls, which remove fields. */
function merge(patch: JsonObject, change: JsonObject): JsonObject {
  const out = { ...patch }
  for (const [key, value] of Object.entries(change)) {
    const was = out[key]
    const both = typeof value === 'object' && value !== null && !Array.isArray(value) && typeof was === 'object' && was !== null && !Array.isArray(was)
    out[key] = both ? merge(was, value) : value
  }
  return out
}

/** useDraft returns a project's draft, and how it is set. null discards it. */
export function useDraft(projectId: string): [Draft | null, (draft: Draft | null) => void] {
  const draft = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => read(projectId),
  )
  return [draft, useCallback((next) => write(projectId, next), [projectId])]
}

/** documentOf returns the settings with a draft laid over. */
export const documentOf = (settings: JsonObject, draft: Draft | null) => (draft ? apply(settings, draft.patch) : settings)
