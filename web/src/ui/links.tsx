import { Anchor, Button, Menu, type AnchorProps, type ButtonProps, type MenuItemProps } from '@mantine/core'
import { createLink } from '@tanstack/react-router'
import { forwardRef, type AnchorHTMLAttributes } from 'react'

/** Mantine's components as links to pages, with checked paths and queries. */

type Html = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'color' | 'style' | 'href'>

export const ButtonLink = createLink(forwardRef<HTMLAnchorElement, ButtonProps & Html>((props, ref) => <Button component="a" ref={ref} {...props} />))

export const AnchorLink = createLink(forwardRef<HTMLAnchorElement, AnchorProps & Html>((props, ref) => <Anchor ref={ref} {...props} />))

export const MenuLink = createLink(forwardRef<HTMLAnchorElement, MenuItemProps & Html>((props, ref) => <Menu.Item component="a" ref={ref} {...props} />))
