import type { IconName } from './Icon'

/** The pages of a project in the order of the menu. key is pressed after g. */
export const pages = [
  { to: '/p/$projectId/overview', label: 'Overview', icon: 'overview', key: 'o' },
  { to: '/p/$projectId/limits', label: 'Limits', icon: 'limits', key: 'l' },
  { to: '/p/$projectId/users', label: 'Users', icon: 'users', key: 'u' },
  { to: '/p/$projectId/start', label: 'Setup', icon: 'start', key: 's' },
] as const satisfies readonly { to: string; label: string; icon: IconName; key: string }[]
