import { useEffect, useRef, useState } from 'react'
import { apiBase, type Schemas } from './client'

export type LiveRequest = Schemas['LiveRequest']
export type LiveRejected = Schemas['LiveRejected']
export type LiveTick = Schemas['LiveTick']

interface Events {
  request?: (event: LiveRequest) => void
  rejected?: (event: LiveRejected) => void
  settings?: (event: Schemas['LiveSettings']) => void
  tick?: (event: LiveTick) => void
}

/** useLive calls back for a project's events as they happen. It returns whether the stream is open. */
export function useLive(projectId: string, events: Events): boolean {
  const [open, setOpen] = useState(false)
  const latest = useRef(events)
  useEffect(() => {
    latest.current = events
  })
  useEffect(() => {
    const source = new EventSource(`${apiBase}/api/projects/${encodeURIComponent(projectId)}/live`, { withCredentials: apiBase !== '' })
    source.onopen = () => setOpen(true)
    source.onerror = () => setOpen(false)
    for (const name of ['request', 'rejected', 'settings', 'tick'] as const) {
      source.addEventListener(name, (e) => latest.current[name]?.(JSON.parse((e as MessageEvent<string>).data)))
    }
    return () => source.close()
  }, [projectId])
  return open
}
