import { useEffect, useMemo, useRef, useState } from 'react'
import { api, http, queries, type Schemas } from '../../api/client'
import type { Metric } from '../../format/number'
import type { CellValue } from '../../settings/cell'
import { documentOf, useDraft, type Draft } from '../../settings/draft'
import { setCell, type Address } from '../../settings/matrix'
import { patchOf } from '../../settings/path'
import { apply, diff, isEmpty, leaves, rebase, set, type Conflict, type Json, type JsonObject } from '../../settings/patch'

export interface Editor {
  /** The settings as they are on the server, with their version. */
  base: JsonObject
  version: number
  /** The settings with the draft laid over. */
  document: JsonObject
  patch: JsonObject
  rows: string[]
  changes: number
  conflicts: Conflict[]
  canUndo: boolean
  undo: () => void
  discard: () => void
  setValue: (address: Address, metric: Metric, value: CellValue) => void
  setValues: (cells: { address: Address; value: CellValue }[], metric: Metric) => void
  setField: (path: string[], value: Json) => void
  setFields: (fields: [path: string[], value: Json][]) => void
  addRow: (key: string) => void
  /** meet carries the draft over to settings that somebody else has saved. */
  meet: (current: Schemas['Project'], old: JsonObject) => void
  resolve: (conflict: Conflict, mine: boolean) => void
}

/** useEditor holds the draft of a project's settings. Newer settings of the server never overwrite it. */
export function useEditor(projectId: string, project: Schemas['Project']): Editor {
  const [draft, setDraft] = useDraft(projectId)
  const [history, setHistory] = useState<(Draft | null)[]>([])
  const [conflicts, setConflicts] = useState<Conflict[]>([])
  const base = project.settings as unknown as JsonObject
  const { version } = project
  const seen = useRef({ version, base })

  const meet = (current: Schemas['Project'], old: JsonObject) => {
    const now = current.settings as unknown as JsonObject
    const result = rebase(old, now, draft?.patch ?? {})
    setHistory([])
    setConflicts(result.conflicts)
    setDraft({ version: current.version, patch: result.patch, rows: draft?.rows ?? [] })
    queries.setQueryData(api.queryOptions('get', '/api/projects/{projectId}', { params: { path: { projectId } } }).queryKey, current)
  }

  // The draft may be of an older version: somebody has saved meanwhile, or the tab was reloaded.
  useEffect(() => {
    const was = seen.current
    seen.current = { version, base }
    if (!draft || draft.version === version || (isEmpty(draft.patch) && draft.rows.length === 0)) return
    if (was.version === draft.version) {
      meet(project, was.base)
      return
    }
    let left = false
    void http
      .GET('/api/projects/{projectId}/settings/versions/{n}', { params: { path: { projectId, n: draft.version } } })
      .then(({ data }) => !left && meet(project, (data!.settings ?? base) as unknown as JsonObject))
      .catch(() => !left && meet(project, base)) // the version is too old to be kept
    return () => {
      left = true
    }
  }, [version]) // eslint-disable-line react-hooks/exhaustive-deps

  const document = useMemo(() => documentOf(base, draft), [base, draft])
  const patch = useMemo(() => diff(base, document), [base, document])
  const rows = draft?.rows ?? []
  const change = (next: JsonObject, nextRows = rows) => {
    setHistory((all) => [...all, draft].slice(-100))
    setDraft({ version, patch: diff(base, next), rows: nextRows })
  }
  return {
    base,
    version,
    document,
    patch,
    rows,
    changes: leaves(patch).length,
    conflicts,
    canUndo: history.length > 0,
    undo: () => {
      const last = history[history.length - 1]
      if (last === undefined) return
      setHistory(history.slice(0, -1))
      setDraft(last)
    },
    discard: () => {
      setHistory((all) => [...all, draft].slice(-100))
      setConflicts([])
      setDraft(null)
    },
    setValue: (address, metric, value) => change(setCell(document, address, metric, value)),
    setValues: (cells, metric) => change(cells.reduce((doc, cell) => setCell(doc, cell.address, metric, cell.value), document)),
    setField: (path, value) => change(set(document, path, value)),
    setFields: (fields) => change(fields.reduce((doc, [path, value]) => set(doc, path, value), document)),
    addRow: (key) => change(document, [...rows.filter((r) => r !== key), key]),
    meet,
    resolve: (conflict, mine) => {
      setConflicts((all) => all.filter((c) => c !== conflict))
      if (mine) setDraft({ version, patch: diff(base, apply(document, patchOf(conflict.path, conflict.mine))), rows })
    },
  }
}


