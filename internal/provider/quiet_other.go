//go:build !unix

package provider

// quiet reports true: this system cannot check a connection without waiting. The next use finds out if it is closed.
func (c *conn) quiet() bool { return true }
