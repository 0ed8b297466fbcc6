/** Secret keys that were shown just now, by project. They are in memory only, until the user has taken them. */
const keys = new Map<string, string>()

export const freshSecrets = {
  keep: (projectId: string, key: string) => void keys.set(projectId, key),
  of: (projectId: string) => keys.get(projectId),
  forget: (projectId: string) => void keys.delete(projectId),
}
