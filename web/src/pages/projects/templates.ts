import type { JsonObject } from '../../settings/patch'

/** The beginnings of a new project. settings are laid over the server's template of that name. */
export const templates: { value: 'starter' | 'single' | 'count'; label: string; description: string; settings: JsonObject }[] = [
  {
    value: 'starter',
    label: 'Free and Pro',
    description: 'Free: five requests a day of the dear model, and $0.05 for everything. Pro: 500, and $1.',
    settings: {
      tiers: {
        free: {
          modelLimits: { 'gpt-4o': { requestLimit: 5 } },
          limitResponse: { message: "You've used {{usage}} of {{limit}} today. Upgrade to Pro!", deepLink: 'app://upgrade' },
        },
        pro: { modelLimits: { 'gpt-4o': { requestLimit: 500 } } },
      },
    },
  },
  { value: 'single', label: 'One limit for everyone', description: '$0.10 a day for each user, and 20 requests a minute.', settings: {} },
  { value: 'count', label: 'Only count', description: 'No limits yet. Anybody with your public key can spend without a bound.', settings: {} },
]
