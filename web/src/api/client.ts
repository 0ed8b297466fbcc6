import { QueryClient } from '@tanstack/react-query'
import createFetchClient from 'openapi-fetch'
import createClient from 'openapi-react-query'
import { session } from '../session/session'
import { Problem, isAway, readProblem } from './problem'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

/** apiBase is empty where the API is on the same origin as this page. */
export const apiBase: string = import.meta.env.VITE_API_BASE_URL ?? ''

/**
 * fetchInSession sends a request. If the session has ended, it waits until the user has signed in again, and sends the
 * request once more: the page behind the sign-in sheet loses nothing. A page sends no secret key, so any 401 means that.
 */
async function fetchInSession(request: Request): Promise<Response> {
  const again = request.clone()
  const response = await fetch(request)
  if (response.status !== 401 || new URL(request.url).pathname.startsWith('/api/auth/')) return response
  await session.renew()
  return fetch(again)
}

export const http = createFetchClient<paths>({
  baseUrl: apiBase,
  credentials: apiBase ? 'include' : 'same-origin',
  fetch: fetchInSession,
})

http.use({
  async onResponse({ response }) {
    if (!response.ok && response.status !== 304) throw await readProblem(response)
  },
})

/** api has the query hooks for every operation of the OpenAPI document. */
export const api = createClient(http)

const patience = 30_000

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // A server that is away is asked again until it is back; other errors are shown at once.
      retry: (_, error) => isAway(error),
      retryDelay: (attempt, error) => {
        const asked = error instanceof Problem ? error.retryAfter : null
        return Math.min(asked ? asked * 1000 : 500 * 2 ** attempt, patience)
      },
    },
    mutations: { retry: false },
  },
})

/** etagOf is the ETag of a version of the settings. */
export const etagOf = (version: number) => `"v${version}"`
