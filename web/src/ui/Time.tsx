import { Tooltip } from '@mantine/core'
import { useSyncExternalStore } from 'react'
import { exactTime, relative } from '../format/time'

/** One clock for all relative times on the page; it ticks while one is shown. */
const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(listener: () => void) {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const tell of listeners) tell()
  }, 5000)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

export const useNow = () => useSyncExternalStore(subscribe, () => now)

/** Time shows a time as seen from now, and the exact one on hover and to readers. */
export function Time({ at }: { at: string }) {
  const seen = useNow()
  return (
    <Tooltip label={exactTime(at)} openDelay={200}>
      <time dateTime={at}>{relative(at, Math.max(seen, Date.now() - 5000))}</time>
    </Tooltip>
  )
}
