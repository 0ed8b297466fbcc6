import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from '@tanstack/react-router'
import { signedIn } from './session/me'
import { SignInSheet } from './session/SignInSheet'
import { AwayBanner } from './ui/AwayBanner'
import { Framed } from './ui/Frame'
import { Crash, NotFound } from './ui/Crash'
import { flag, oneOf, parseSearch, searchOf, stringifySearch, text } from './search'

const root = createRootRoute({
  component: () => (
    <>
      <AwayBanner />
      <Outlet />
      <SignInSheet />
    </>
  ),
  notFoundComponent: NotFound,
  errorComponent: Crash,
})

const home = createRoute({ getParentRoute: () => root, path: '/', beforeLoad: () => { throw redirect({ to: '/projects', replace: true }) } })

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: searchOf((s) => ({ next: text(s.next) })),
  component: lazyRouteComponent(() => import('./pages/login/LoginPage'), 'LoginPage'),
})

const invite = createRoute({ getParentRoute: () => root, path: '/invite', component: lazyRouteComponent(() => import('./pages/invite/InvitePage'), 'InvitePage') })

/** All pages below need a session. Without one the user signs in, and comes back. */
const session = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  beforeLoad: async ({ location }) => {
    if (!(await signedIn())) {
      throw redirect({ to: '/login', search: { next: location.href === '/projects' ? undefined : location.href }, replace: true })
    }
  },
})

const framed = createRoute({ getParentRoute: () => session, id: 'framed', component: Framed })

const projects = createRoute({
  getParentRoute: () => framed,
  path: '/projects',
  validateSearch: searchOf((s) => ({ create: flag(s.create) })),
  component: lazyRouteComponent(() => import('./pages/projects/ProjectsPage'), 'ProjectsPage'),
})

const account = createRoute({ getParentRoute: () => framed, path: '/account', component: lazyRouteComponent(() => import('./pages/account/AccountPage'), 'AccountPage') })

const project = createRoute({ getParentRoute: () => framed, path: '/p/$projectId' })

const projectHome = createRoute({
  getParentRoute: () => project,
  path: '/',
  beforeLoad: ({ params }) => { throw redirect({ to: '/p/$projectId/overview', params, replace: true }) },
})

const start = createRoute({
  getParentRoute: () => project,
  path: 'start',
  validateSearch: searchOf((s) => ({ with: text(s.with) })),
  component: lazyRouteComponent(() => import('./pages/start/StartPage'), 'StartPage'),
})

export const ranges = ['24h', '7d', '30d', '90d'] as const
export const splits = ['model', 'tier', 'outcome'] as const
const metricNames = ['requests', 'tokens', 'costUsd'] as const

const overview = createRoute({
  getParentRoute: () => project,
  path: 'overview',
  validateSearch: searchOf((s) => ({ range: oneOf(s.range, ranges), by: oneOf(s.by, splits), metric: oneOf(s.metric, metricNames) })),
  component: lazyRouteComponent(() => import('./pages/overview/OverviewPage'), 'OverviewPage'),
})

const limits = createRoute({
  getParentRoute: () => project,
  path: 'limits',
  validateSearch: searchOf((s) => ({
    metric: oneOf(s.metric, metricNames),
    tier: text(s.tier),
    model: text(s.model),
    user: text(s.user),
    json: flag(s.json),
  })),
  component: lazyRouteComponent(() => import('./pages/limits/LimitsPage'), 'LimitsPage'),
})

const history = createRoute({
  getParentRoute: () => project,
  path: 'limits/history',
  validateSearch: searchOf((s) => ({ v: text(s.v) })),
  component: lazyRouteComponent(() => import('./pages/history/HistoryPage'), 'HistoryPage'),
})

export const userTabs = ['limits', 'credits', 'usage', 'changes'] as const

const users = createRoute({
  getParentRoute: () => project,
  path: 'users',
  validateSearch: searchOf((s) => ({
    q: text(s.q),
    sort: oneOf(s.sort, ['name', 'recent', '-requests', '-tokens', '-costUsd'] as const),
    tier: text(s.tier),
    has: oneOf(s.has, ['override', 'credits', 'promo'] as const),
    enabled: oneOf(s.enabled, ['true', 'false'] as const),
    user: text(s.user),
    tab: oneOf(s.tab, userTabs),
  })),
  component: lazyRouteComponent(() => import('./pages/users/UsersPage'), 'UsersPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    login,
    invite,
    session.addChildren([framed.addChildren([projects, account, project.addChildren([projectHome, start, overview, limits, history, users])])]),
  ]),
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultErrorComponent: Crash,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
