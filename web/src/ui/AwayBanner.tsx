import { useSyncExternalStore } from 'react'
import { queries } from '../api/client'
import { isAway } from '../api/problem'

const cache = queries.getQueryCache()
const someAway = () => cache.getAll().some((q) => q.state.fetchStatus === 'fetching' && isAway(q.state.fetchFailureReason))

/** AwayBanner says that the server cannot be reached while calls are tried again. */
export function AwayBanner() {
  const away = useSyncExternalStore((listener) => cache.subscribe(listener), someAway)
  return (
    <div role="status" className="away" hidden={!away}>
      {away ? 'The server cannot be reached at the moment. This page tries again by itself.' : ''}
    </div>
  )
}
