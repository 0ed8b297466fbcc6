import { api, queries } from '../api/client'
import { Problem } from '../api/problem'

/** me is the query for the signed-in user with the projects that the user may open. */
export const me = api.queryOptions('get', '/api/auth/me', {}, { staleTime: 60_000 })

export const useMe = () => api.useQuery('get', '/api/auth/me', {}, { staleTime: 60_000 })

/** signedIn reports whether there is a session. */
export async function signedIn(): Promise<boolean> {
  try {
    await queries.ensureQueryData(me)
    return true
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return false
    throw error
  }
}

export type Role = 'owner' | 'admin' | 'viewer'

/** useRole returns the user's role in a project. */
export function useRole(projectId: string): Role {
  return useMe().data?.projects.find((p) => p.projectId === projectId)?.role ?? 'viewer'
}

/** useMayChange reports whether the user may change a project. */
export const useMayChange = (projectId: string) => useRole(projectId) !== 'viewer'
