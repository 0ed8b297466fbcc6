import { notifications } from '@mantine/notifications'
import { Icon } from './Icon'

/** done says that something was done. */
export function done(message: string) {
  notifications.show({ message, icon: <Icon name="check" size={16} />, color: 'green.9', autoClose: 4000, closeButtonProps: { 'aria-label': 'Close' } })
}
