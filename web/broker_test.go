package web_test

import (
	"leasehold/broker"
	"leasehold/web"
)

var _ web.Gate = (*broker.Broker)(nil)
