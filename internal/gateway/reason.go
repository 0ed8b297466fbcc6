package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/airatelimit/airatelimit/internal/provider"
)

// reasonOf says for the log why an exchange failed, in fixed words: an error's own text can hold an address with a key,
// or bytes of the answer.
func reasonOf(err, cause error) string {
	var (
		dns         *net.DNSError
		number      syscall.Errno
		alert       tls.AlertError
		record      tls.RecordHeaderError
		unknown     x509.UnknownAuthorityError
		certificate x509.CertificateInvalidError
		host        x509.HostnameError
		network     *net.OpError
		timeout     net.Error
	)
	switch {
	case errors.Is(cause, errClientGone):
		return "" // the provider did not fail
	case errors.Is(cause, errIdle):
		return errIdle.Error()
	case errors.Is(err, provider.ErrForbiddenAddress):
		return "address not allowed"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.As(err, &dns):
		return "name server failed"
	case errors.As(err, &unknown):
		return "certificate signed by unknown authority"
	case errors.As(err, &certificate) && certificate.Reason == x509.Expired:
		return "certificate expired or not yet valid"
	case errors.As(err, &certificate):
		return "certificate not valid"
	case errors.As(err, &host):
		return "certificate for another name"
	case errors.As(err, &record):
		return "no TLS"
	case errors.As(err, &alert):
		return alert.Error()
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed"
	case errors.Is(err, context.Canceled):
		return "shutting down"
	case errors.As(err, &network):
		return network.Op + " failed"
	}
	return fmt.Sprintf("other (%T)", err)
}
