/** The state of the session that no server has: whether the user is asked to sign in again over the page. */
type State = { expired: boolean }

let state: State = { expired: false }
let waiting: Array<{ resolve: () => void; reject: (reason: Error) => void }> = []
const listeners = new Set<() => void>()

function set(expired: boolean) {
  state = { expired }
  for (const listener of listeners) listener()
}

const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('airatelimit-session')

export const session = {
  subscribe(listener: () => void) {
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
    }
  },
  get: () => state,

  /** renew opens the sign-in sheet, and resolves when somebody has signed in. */
  renew(): Promise<void> {
    if (!state.expired) set(true)
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
  },

  /** renewed closes the sheet. The calls that have waited are sent again. */
  renewed() {
    const all = waiting
    waiting = []
    set(false)
    for (const one of all) one.resolve()
  },

  /** announce tells the other tabs of this browser that there is a session again. */
  announce() {
    channel?.postMessage('signed-in')
  },

  /** onAnnounced calls back when another tab has signed in. */
  onAnnounced(heard: () => void) {
    channel?.addEventListener('message', heard)
    return () => channel?.removeEventListener('message', heard)
  },
}
