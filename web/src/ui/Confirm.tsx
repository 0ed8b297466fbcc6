import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { Failure } from './View'

interface Props {
  opened: boolean
  onClose: () => void
  title: string
  children: ReactNode
  action: string
  danger?: boolean
  /** A reason is asked for, and written into the audit trail. */
  withReason?: boolean
  run: (reason: string) => Promise<unknown>
}

/** Confirm asks before an action, with its reason, and stays open if the action fails. */
export function Confirm({ opened, onClose, title, children, action, danger, withReason, run }: Props) {
  const [reason, setReason] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const close = () => {
    setError(null)
    setReason('')
    onClose()
  }
  const confirm = async () => {
    setBusy(true)
    setError(null)
    try {
      await run(reason.trim())
      close()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Modal opened={opened} onClose={close} title={title}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          void confirm()
        }}
      >
        <Stack>
          <Text size="sm" component="div">
            {children}
          </Text>
          {withReason && (
            <TextInput label="Reason" description="For the audit trail. You may leave it empty." value={reason} maxLength={500} onChange={(e) => setReason(e.currentTarget.value)} data-autofocus />
          )}
          {error ? <Failure error={error} what="Not done" /> : null}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" color={danger ? 'red.9' : undefined} loading={busy}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
