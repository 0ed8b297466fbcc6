import { ActionIcon, AppShell, Burger, Group, Menu, ScrollArea, Stack, Text, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, Outlet, useLocation, useNavigate, useParams } from '@tanstack/react-router'
import { useEffect } from 'react'
import { http, queries } from '../api/client'
import { isMissing } from '../api/problem'
import { useMe } from '../session/me'
import { api } from '../api/client'
import { Icon } from './Icon'
import { pages } from './nav'
import { NoProject } from './NoProject'
import { useShortcuts } from './useShortcuts'
import { MenuLink } from './links'

/** Framed is the frame of all pages with a session: header, menu, content. */
export function Framed() {
  const [opened, menu] = useDisclosure(false)
  const { projectId } = useParams({ strict: false })
  const { pathname } = useLocation()
  useShortcuts(projectId)
  useEffect(() => menu.close(), [pathname]) // eslint-disable-line react-hooks/exhaustive-deps
  return (
    <AppShell header={{ height: 56 }} navbar={projectId ? { width: 216, breakpoint: 'sm', collapsed: { mobile: !opened } } : undefined} padding={{ base: 'md', sm: 'lg' }}>
      <a className="skip" href="#content">
        To the content
      </a>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="sm" wrap="nowrap" miw={0}>
            {projectId && <Burger opened={opened} onClick={menu.toggle} hiddenFrom="sm" size="sm" aria-label={opened ? 'Close the menu' : 'Open the menu'} aria-expanded={opened} />}
            <Link to="/projects" aria-label="All projects">
              <img src="/favicon.svg" width={28} height={28} alt="" style={{ display: 'block' }} />
            </Link>
            {projectId ? <ProjectMenu projectId={projectId} /> : <Text fw={650}>AI Ratelimit</Text>}
          </Group>
          <Group gap={4} wrap="nowrap">
            <SchemeButton />
            <AccountMenu />
          </Group>
        </Group>
      </AppShell.Header>
      {projectId && (
        <AppShell.Navbar p="sm" aria-label="Project">
          <ScrollArea>
            <Stack gap={2}>
              {pages.map((page) => (
                <Link key={page.to} to={page.to} params={{ projectId }} className="nav-link" activeOptions={{ includeSearch: false }}>
                  <Icon name={page.icon} /> {page.label}
                </Link>
              ))}
            </Stack>
          </ScrollArea>
        </AppShell.Navbar>
      )}
      <AppShell.Main id="content" tabIndex={-1}>
        <div className="page">{projectId ? <InProject projectId={projectId} /> : <Outlet />}</div>
      </AppShell.Main>
    </AppShell>
  )
}

/** InProject shows the pages of a project, if the user may open it. */
function InProject({ projectId }: { projectId: string }) {
  const project = api.useQuery('get', '/api/projects/{projectId}', { params: { path: { projectId } } })
  if (isMissing(project.error)) return <NoProject />
  return <Outlet key={projectId} />
}

function ProjectMenu({ projectId }: { projectId: string }) {
  const me = useMe()
  const all = me.data?.projects ?? []
  const name = all.find((p) => p.projectId === projectId)?.name
  return (
    <Menu position="bottom-start" width={260}>
      <Menu.Target>
        <UnstyledButton aria-label={`Project ${name ?? ''}, change the project`} style={{ minWidth: 0 }}>
          <Group gap={4} wrap="nowrap">
            <Text fw={650} truncate>
              {name ?? '…'}
            </Text>
            <Icon name="down" size={16} />
          </Group>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>
        {all.map((p) => (
          <MenuLink key={p.projectId} to="/p/$projectId/overview" params={{ projectId: p.projectId }} rightSection={p.projectId === projectId ? <Icon name="check" size={16} /> : null}>
            {p.name}
          </MenuLink>
        ))}
        <Menu.Divider />
        <MenuLink to="/projects" leftSection={<Icon name="projects" size={16} />}>
          All projects
        </MenuLink>
        <MenuLink to="/projects" search={{ create: true }} leftSection={<Icon name="plus" size={16} />}>
          New project
        </MenuLink>
      </Menu.Dropdown>
    </Menu>
  )
}

function SchemeButton() {
  const { setColorScheme } = useMantineColorScheme()
  const dark = useComputedColorScheme('light') === 'dark'
  return (
    <ActionIcon size="lg" onClick={() => setColorScheme(dark ? 'light' : 'dark')} aria-label={dark ? 'Light colours' : 'Dark colours'}>
      <Icon name={dark ? 'sun' : 'moon'} />
    </ActionIcon>
  )
}

function AccountMenu() {
  const user = useMe().data?.user
  const navigate = useNavigate()
  const signOut = async () => {
    await http.POST('/api/auth/logout')
    queries.clear()
    void navigate({ to: '/login', search: {} })
  }
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <ActionIcon size="lg" aria-label="Account">
          <Icon name="account" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label className="break">{user?.email}</Menu.Label>
        <MenuLink to="/account" leftSection={<Icon name="device" size={16} />}>
          Account and sessions
        </MenuLink>
        <Menu.Item leftSection={<Icon name="logout" size={16} />} onClick={signOut}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
