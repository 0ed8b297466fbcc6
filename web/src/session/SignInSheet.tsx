import { Modal, Stack, Text } from '@mantine/core'
import { useEffect, useSyncExternalStore } from 'react'
import { http, queries, type Schemas } from '../api/client'
import { me } from './me'
import { session } from './session'
import { SignInForm } from './SignInForm'

/**
 * SignInSheet lies over the page while the session has ended. The page stays as it is, with all edits, and its calls go on
 * once somebody has signed in.
 */
export function SignInSheet() {
  const { expired } = useSyncExternalStore(session.subscribe, session.get)
  const known = queries.getQueryData<Schemas['Me']>(me.queryKey)?.user
  useEffect(() => {
    if (!expired) return
    const check = () => void resume(known?.id)
    const stop = session.onAnnounced(check) // the mail's link was opened in another tab
    document.addEventListener('visibilitychange', check)
    return () => {
      stop()
      document.removeEventListener('visibilitychange', check)
    }
  }, [expired, known?.id])
  return (
    <Modal opened={expired} onClose={() => {}} withCloseButton={false} closeOnEscape={false} closeOnClickOutside={false} title="Sign in again" zIndex={1000} centered>
      <Stack>
        <Text size="sm">Your session has ended. This page and your changes stay as they are.</Text>
        {expired && <SignInForm email={known?.email} onSignedIn={(answer) => goOn(answer.user.id, known?.id)} />}
      </Stack>
    </Modal>
  )
}

/** resume closes the sheet if there is a session again. */
async function resume(knownId: string | undefined) {
  try {
    const { data } = await http.GET('/api/auth/me')
    if (data) goOn(data.user.id, knownId)
  } catch {
    // There is none yet.
  }
}

/** goOn sends the waiting calls again, unless they are another person's. */
function goOn(userId: string, knownId: string | undefined) {
  if (knownId && userId !== knownId) {
    location.assign('/projects')
    return
  }
  session.renewed()
}
