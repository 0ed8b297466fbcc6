import { Group, Stack, Text } from '@mantine/core'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { api } from '../../api/client'
import { useMayChange } from '../../session/me'
import { Page } from '../../ui/Page'
import { View } from '../../ui/View'
import { Feed } from './Feed'
import { FirstRequest } from './FirstRequest'
import { KeyStep } from './KeyStep'
import { SecretCard } from './SecretCard'
import { Steps } from './Steps'
import { chosenOf } from './choice'
import { ButtonLink } from '../../ui/links'

/**
 * StartPage is the first run. What is done is read from the project, so the page may be opened at any time and mints nothing. The
 * query only keeps the choice that no setting has: to try the echo, or to let the app send its own key.
 */
export function StartPage() {
  const { projectId } = useParams({ from: '/signed-in/framed/p/$projectId/start' })
  const search = useSearch({ from: '/signed-in/framed/p/$projectId/start' })
  const navigate = useNavigate({ from: '/p/$projectId/start' })
  const providers = api.useQuery('get', '/api/projects/{projectId}/providers', { params: { path: { projectId } } })
  // Usage is added up every few seconds, so the first request is asked for until it is there.
  const first = api.useQuery('get', '/api/projects/{projectId}/first-request', { params: { path: { projectId } } }, { refetchInterval: (q) => (q.state.data?.at ? false : 3000) })
  const mayChange = useMayChange(projectId)
  const choose = (chosen: string | undefined) => navigate({ search: { with: chosen } })
  return (
    <Page title="Setup">
      <Stack maw={820}>
        <View query={providers}>
          {({ items }) => {
            const chosen = chosenOf(items, search.with)
            const step = first.data?.at ? 3 : chosen ? 2 : 1
            return (
              <>
                <Steps at={step} />
                <SecretCard projectId={projectId} />
                {chosen ? (
                  <FirstRequest projectId={projectId} chosen={chosen} onChange={() => choose('none')} />
                ) : (
                  <KeyStep projectId={projectId} providers={items} mayChange={mayChange} onChosen={choose} />
                )}
                <Feed projectId={projectId} first={first.data} waiting={chosen !== null} />
                {step === 3 && <Next projectId={projectId} />}
              </>
            )
          }}
        </View>
      </Stack>
    </Page>
  )
}

function Next({ projectId }: { projectId: string }) {
  return (
    <Group gap="sm">
      <Text fw={600}>Next:</Text>
      <ButtonLink to="/p/$projectId/limits" params={{ projectId }}>
        Set your limits
      </ButtonLink>
      <ButtonLink to="/p/$projectId/overview" params={{ projectId }} variant="default">
        See the overview
      </ButtonLink>
    </Group>
  )
}
