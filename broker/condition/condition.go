// Package condition evaluates the conditions that tenants write into their policies, in the Common Expression Language
// (CEL, https://cel.dev). They are tenants' text: nothing of one costs more than Limit, none reaches out of its case, and
// what cannot be evaluated does not hold. docs/policy.md says what they may look at.
package condition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // time zones where the machine has none: the binary is static

	"cel.dev/cel-go/cel"

	"leasehold/broker"
	"leasehold/provision"
)

const (
	// Limit is what one evaluation may cost, in CEL's own units: as estimated when a condition is saved, and as counted
	// when it runs.
	Limit = 100_000

	// timeLimit cuts off an evaluation on a machine that is too slow for what Limit allows: a thousandth of it is usual.
	timeLimit = time.Second

	// maxCompiled bounds the conditions that are kept compiled; beyond it, all are compiled again.
	maxCompiled = 1024
)

// Engine compiles conditions once and evaluates them. It is safe for concurrent use, and implements broker.Conditions.
type Engine struct {
	env   *cel.Env
	zones *zones

	mu       sync.Mutex
	compiled map[string]compiled
}

// compiled is a condition that can be evaluated, or why it cannot.
type compiled struct {
	program cel.Program
	uses    broker.Uses
	err     error
}

// New is an engine. It fails only when the language cannot be set up.
func New() (*Engine, error) {
	e := &Engine{zones: new(zones), compiled: map[string]compiled{}}
	var err error
	e.env, err = language(e.zones)
	if err != nil {
		return nil, fmt.Errorf("conditions: %w", err)
	}
	return e, nil
}

// Fault implements broker.Conditions.
func (e *Engine) Fault(when string) error { return e.compile(when).err }

// Uses implements broker.Conditions.
func (e *Engine) Uses(when string) broker.Uses { return e.compile(when).uses }

// Holds implements broker.Conditions.
func (e *Engine) Holds(ctx context.Context, when string, c provision.Case) (bool, error) {
	known := e.compile(when)
	if known.err != nil {
		return false, known.err
	}
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	value, _, err := known.program.ContextEval(ctx, variablesOf(c))
	if err != nil {
		return false, fmt.Errorf("cannot be evaluated: %w", err)
	}
	holds, ok := value.Value().(bool)
	if !ok {
		return false, errors.New("is neither true nor false")
	}
	return holds, nil
}

// compile is a condition as it was compiled, now or before.
func (e *Engine) compile(when string) compiled {
	e.mu.Lock()
	defer e.mu.Unlock()
	if known, ok := e.compiled[when]; ok {
		return known
	}
	var fresh compiled
	fresh.program, fresh.uses, fresh.err = e.fresh(when)
	if len(e.compiled) >= maxCompiled {
		clear(e.compiled)
	}
	e.compiled[when] = fresh
	return fresh
}

// fresh compiles a condition, checks its type and what its text alone can tell, and estimates what it costs at most.
func (e *Engine) fresh(when string) (cel.Program, broker.Uses, error) {
	if len(when) > provision.MaxWhen {
		return nil, broker.Uses{}, fmt.Errorf("has %d bytes, more than %d", len(when), provision.MaxWhen)
	}
	checked, issues := e.env.Compile(when)
	if issues.Err() != nil {
		return nil, broker.Uses{}, first(issues)
	}
	if checked.OutputType() != cel.BoolType {
		return nil, broker.Uses{}, fmt.Errorf("is of type %s, and has to be true or false (bool)", checked.OutputType())
	}
	uses, err := e.reads(checked)
	if err != nil {
		return nil, uses, err
	}
	if err := e.affordable(checked); err != nil {
		return nil, uses, err
	}
	program, err := e.env.Program(checked, cel.CostLimit(Limit), cel.InterruptCheckFrequency(100))
	return program, uses, err
}

// first is the first thing that is wrong, and where.
func first(issues *cel.Issues) error {
	all := issues.Errors()
	if len(all) == 0 {
		return issues.Err()
	}
	fault := all[0]
	where := fmt.Sprintf("column %d", fault.Location.Column()+1)
	if fault.Location.Line() > 1 {
		where = fmt.Sprintf("line %d, %s", fault.Location.Line(), where)
	}
	return fmt.Errorf("%s: %s", where, fault.Message)
}
