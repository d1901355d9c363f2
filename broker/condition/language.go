package condition

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/ext"

	"leasehold/broker"
	"leasehold/provision"
)

// The variables that a condition may use.
const (
	requestTime     = "request.time"
	requestIP       = "request.ip"
	requestApp      = "request.app"
	accountID       = "account.id"
	accountEmail    = "account.email"
	accountDomain   = "account.domain"
	accountGroups   = "account.groups"
	loginACR        = "login.acr"
	loginAMR        = "login.amr"
	loginConnection = "login.connection"
)

// language is CEL with our variables and with functions for network addresses. It has no regular expressions: tenants'
// patterns are exact strings, prefixes and suffixes.
func language(z *zones) (*cel.Env, error) {
	text, texts := cel.StringType, cel.ListType(cel.StringType)
	return cel.NewCustomEnv(append(z.functions(),
		cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{ExcludeFunctions: append(without(), env.NewFunction("matches"))})),
		ext.Network(),
		cel.Variable(requestTime, cel.TimestampType), cel.Variable(requestIP, text), cel.Variable(requestApp, text),
		cel.Variable(accountID, text), cel.Variable(accountEmail, text), cel.Variable(accountDomain, text), cel.Variable(accountGroups, texts),
		cel.Variable(loginACR, text), cel.Variable(loginAMR, texts), cel.Variable(loginConnection, text),
		cel.ASTValidators(
			cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateHomogeneousAggregateLiterals(),
			cel.ValidateComprehensionNestingLimit(2),
		),
		cel.ParserRecursionLimit(100), cel.ParserExpressionSizeLimit(provision.MaxWhen),
	)...)
}

// variablesOf is a case as a condition sees it.
func variablesOf(c provision.Case) map[string]any {
	return map[string]any{
		requestTime: c.Time.UTC(), requestIP: c.Whence.IP, requestApp: string(c.Whence.App),
		accountID: string(c.Account), accountEmail: c.Email.String(), accountDomain: c.Email.Domain().String(), accountGroups: listed(c.Groups),
		loginACR: c.ACR, loginAMR: listed(c.AMR), loginConnection: string(c.Connection),
	}
}

// listed is a list that is there: without one, CEL would take it for null.
func listed(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

// The most of what providers say that an estimate reckons with. More is refused only by what it really costs.
const (
	maxTexts = 1000
	maxText  = 256
)

// affordable is nil when a condition costs at most Limit, whatever its case.
func (e *Engine) affordable(checked *cel.Ast) error {
	estimate, err := e.env.EstimateCost(checked, sizes{})
	switch {
	case err != nil:
		return fmt.Errorf("nobody can tell what it costs: %w", err)
	case estimate.Max > Limit:
		return fmt.Errorf("may cost %d, more than %d; write it with fewer lists in lists", estimate.Max, Limit)
	}
	return nil
}

// sizes are how large our variables may be.
type sizes struct{}

// EstimateSize implements cost.Estimator.
func (sizes) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	path := node.Path()
	if len(path) == 0 {
		return nil
	}
	most := uint64(maxText)
	if name := path[0]; len(path) == 1 && (name == accountGroups || name == loginAMR) {
		most = maxTexts
	}
	return &cost.SizeEstimate{Min: 0, Max: most}
}

// EstimateCallCost implements cost.Estimator: functions cost what their libraries say.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// reads finds what a condition looks at, and faults that would show only when it is evaluated: time zones and networks
// that there are not.
func (e *Engine) reads(checked *cel.Ast) (uses broker.Uses, fault error) {
	ast.PostOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.CallKind:
			fault = errors.Join(fault, e.call(x.AsCall()))
		case ast.IdentKind, ast.SelectKind:
			switch reference := checked.NativeRep().ReferenceMap()[x.ID()]; {
			case reference == nil:
			case reference.Name == requestTime:
				uses.Time = true
			case strings.HasPrefix(reference.Name, "request."):
				uses.Whence = true
			}
		}
	}))
	return uses, fault
}

// call is what is wrong with a function's argument that is written out.
func (e *Engine) call(c ast.CallExpr) error {
	name, arguments := c.FunctionName(), c.Args()
	if c.IsMemberFunction() && strings.HasPrefix(name, "get") && len(arguments) == 1 {
		zone, written := literal(arguments[0])
		if !written {
			return fmt.Errorf("%s: a time zone has to be written out, as in \"Europe/Berlin\"", name)
		}
		_, err := e.zones.location(zone)
		return err
	}
	if len(arguments) != 1 {
		return nil
	}
	switch text, written := literal(arguments[0]); {
	case !written:
	case name == "cidr":
		if p, err := netip.ParsePrefix(text); err != nil || p != p.Masked() {
			return fmt.Errorf("%q is no network; write one as 192.0.2.0/24 or 2001:db8::/32", text)
		}
	case name == "ip", name == "containsIP":
		if _, err := netip.ParseAddr(text); err != nil {
			return fmt.Errorf("%q is no address", text)
		}
	}
	return nil
}

// literal is a text that is written out.
func literal(x ast.Expr) (string, bool) {
	if x.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := x.AsLiteral().Value().(string)
	return text, ok
}
