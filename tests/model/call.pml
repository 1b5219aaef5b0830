/* SPDX-License-Identifier: MIT */
/*
 * One caller, two servers and a reply object, one endpoint; somebody who closes the endpoint, and somebody who kills the
 * caller or lets its time pass. Spin goes through every order of their steps. The model follows kernel/ipc/endpoint.c,
 * fast.c and the table of states in <quire/ipc.h> step by step: what one CPU does by one load, store or compare-and-swap
 * of shared memory, or between two of them under a lock, is one step here. Steps are seen in one order by all: the
 * kernel's are sequentially consistent or have acquire and release where that is enough.
 *
 * What is proven, for CALLS calls one behind the other:
 *   - each call ends for its caller in one way: answered, no answer comes, or its time is over; and what the server's
 *     reply has returned fits this: assertions in `judge`
 *   - nobody waits for ever: every process ends (spin complains about a state without a next step)
 *   - a window is touched only while its caller waits in this call: `touch`
 *   - the caller's descriptor is there whenever somebody uses it, and every reference is dropped once: `refs`
 *
 * Not in the model: registers' contents, handles, what a caller lends (priority.c), endless loops, and orders of accesses
 * that only a weaker memory has.
 *
 * FAULT takes one part out: tests/model/check.py does so, and each time spin has to complain.
 */
#define CALLS 2 /* at most: room for so many */

/* Set from the environment by `init`, at the end of this file; the same in all states. */
hidden byte calls = 1; /* so many */
hidden byte fault;     /* FAULT_*, or 0 */
hidden byte by_short_cut;     /* the short cut is taken */
hidden byte objects;   /* duties are taken into reply objects */
hidden byte windows;   /* servers copy from windows */
hidden byte limits;    /* a server's receive has a time limit */
hidden byte closes;    /* the endpoint may be closed while the caller calls; else it is closed behind the last call */

#define FAULT_LATE_REPLY_BELIEVED  1 /* a reply looks only at the state, not at the generation */
#define FAULT_WITHDRAWN_UNCOUNTED  2 /* a caller takes its call back before it has counted a reference */
#define FAULT_CLOSED_WITHOUT_LOCK  3 /* a caller that a close has answered doesn't wait for the endpoint's lock */
#define FAULT_LOOK_THEN_ANNOUNCE   4 /* a caller looks at its call before it announces that it waits */
#define FAULT_HOLD_GIVES_UP        5 /* who wants to answer takes the end of another one's copy for the call's end */
#define FAULT_WINDOW_UNHELD        6 /* a window is copied without a hold on the call */
#define FAULT_DUTY_DIES            7 /* a server ends and forgets its duty */
#define FAULT_SHORT_CUT_UNCHECKED  8 /* the short cut's reply doesn't look whether the caller waits in this call */

/* --- threads: include/quire/thread.h ------------------------------------------------------------------- */
mtype = { RUNS, WAITING, WOKEN, BLOCKED };
#define CALLER 2
mtype thread[3] = RUNS;
bool claimed[3];     /* a CPU that hands over has it: it goes on when that is done */
bool handed_over[3]; /* the short cut has given it what it waited for */

inline thread_wake(t)
{
    atomic {
        if
        :: thread[t] == WAITING -> thread[t] = WOKEN
        :: thread[t] == BLOCKED -> thread[t] = RUNS
        :: else
        fi
    }
}

/* The wait was announced. */
inline thread_sleep(t)
{
    atomic {
        if
        :: thread[t] == WAITING -> thread[t] = BLOCKED
        :: else -> thread[t] = RUNS
        fi
    }
    thread[t] == RUNS && !claimed[t]
}

/* --- what all share -------------------------------------------------------------------------------------- */
mtype = { IDLE, QUEUED, TAKEN, REPLYING, ANSWERED };
mtype state = IDLE; /* these two are one word: thread->ipc.call of the caller */
byte generation;

bool lock;              /* the endpoint's */
bool open = true;       /* a handle can receive */
bool queued;            /* the caller is in the endpoint's queue */
chan receivers = [2] of { byte };

byte duty[2];           /* of which generation a server has the duty; 0: of none */
byte saved;             /* the same for the reply object */
mtype = { NOT_RECEIVING, RECEIVES, GOT };
mtype receiving[2] = NOT_RECEIVING;
bool got_call[2];       /* what GOT means; else the endpoint is closed */
bool fast_receive[2];   /* the server waits without a time limit */

bool resumable;         /* the caller waits in the short cut, so its kernel stack holds nothing */
byte frame;             /* what the caller's registers say: the generation that was answered; 0: no answer comes */
bool killed, late;      /* the caller; the time of its call has passed */

/* --- for the verdict --------------------------------------------------------------------------------------- */
mtype = { NOT_YET, OK, NO_ANSWER, OVER };
mtype outcome[CALLS + 1] = NOT_YET;
byte replied[CALLS + 1], refused[CALLS + 1], dropped[CALLS + 1], closed[CALLS + 1];
byte in_call;           /* the generation in which the caller waits; 0: it doesn't */
byte refs = 1;          /* of the caller's descriptor */
byte ended;
bool caller_ended;
byte servers_ended;

#define USES_CALLER assert(refs > 0)

/* --- who has the duty to answer ---------------------------------------------------------------------------- */
#define IN_CALL(g) (generation == (g) || fault == FAULT_LATE_REPLY_BELIEVED)
#define GIVES_UP   (fault == FAULT_HOLD_GIVES_UP)

/* duty_hold(): a compare-and-swap; if it fails, a look why, and again. */
inline duty_hold(g, waits)
{
    do
    :: d_step {
           USES_CALLER;
           waits = state == TAKEN && IN_CALL(g);
           if
           :: waits -> state = REPLYING
           :: else
           fi
       }
       if
       :: waits -> break
       :: !waits -> /* while another one holds it, there is nothing to be done */
           if
           :: generation != g || (state != REPLYING && (state != TAKEN || GIVES_UP)) -> break
           :: generation == g && state == TAKEN && !GIVES_UP
           fi
       fi
    od
}

/* duty_answer(): with an answer, or without one. The duty g is over. */
inline duty_answer(g, with_answer)
{
    duty_hold(g, waits);
    if
    :: waits ->
        d_step { waits = false; frame = (with_answer -> g : 0); refs++; state = ANSWERED }
        atomic {
            USES_CALLER;
            thread_wake(CALLER);
            refs--;
            if
            :: with_answer -> replied[g]++
            :: else -> dropped[g]++
            fi
        }
    :: else ->
        d_step { USES_CALLER; refs--; refused[g]++ } /* the caller has counted it: call_withdraw() */
    fi
}

inline end_duty(me, with_answer)
{
    d_step { mine = duty[me]; duty[me] = 0 }
    duty_answer(mine, with_answer);
    mine = 0
}

/* move() in window.c. Without the hold the caller may go on between the look and the touch. */
inline touch(g)
{
    if
    :: fault == FAULT_WINDOW_UNHELD ->
        if
        :: state == TAKEN && generation == g -> assert(in_call == g)
        :: else
        fi
    :: else ->
        duty_hold(g, waits);
        if
        :: waits -> d_step { waits = false; assert(in_call == g); state = TAKEN }
        :: else
        fi
    fi
}

/* window_copy() with the reply object: duty_look(), then a copy, with a reference of its own */
inline copy_by_object()
{
    d_step {
        copied = saved;
        if
        :: copied -> USES_CALLER; refs++
        :: else
        fi
    }
    if
    :: copied -> touch(copied); d_step { USES_CALLER; refs--; copied = 0 }
    :: else
    fi
}

/* ipc_reply_to(), or the end of the reply object */
inline answer_by_object(with_answer)
{
    d_step { copied = saved; saved = 0 }
    if
    :: copied -> duty_answer(copied, with_answer)
    :: else
    fi;
    copied = 0
}

/* ipc_fast_reply_receive(). done: the caller runs, and the server waits again. All is under the endpoint's lock. */
inline short_reply(me, done)
{
    atomic {
        done = false;
        if
        :: resumable && open && !lock && !queued && thread[CALLER] == BLOCKED ->
            thread[CALLER] = RUNS;
            claimed[CALLER] = true;
            claims = true;
            done = (state == TAKEN && generation == duty[me]) || fault == FAULT_SHORT_CUT_UNCHECKED;
            if
            :: done ->
                state = IDLE;
                replied[duty[me]]++;
                frame = duty[me];
                duty[me] = 0;
                receivers ! me;
                receiving[me] = RECEIVES;
                fast_receive[me] = true;
                thread[me] = WAITING
            :: else
            fi
        :: else -> skip
        fi
    }
    d_step { /* the hand-over; or the caller, which was claimed, goes on as if somebody had woken it */
        if
        :: claims -> claims = false; claimed[CALLER] = false; handed_over[CALLER] = done
        :: else
        fi
    }
}

/* receive_look(): under the endpoint's lock. looked: it waits. */
inline receive_look(me)
{
    atomic {
        !lock;
        looked = false;
        more = false;
        if
        :: receiving[me] == GOT -> receiving[me] = NOT_RECEIVING; more = got_call[me]; got_call[me] = false
        :: receiving[me] == RECEIVES && over -> receivers ?? eval(me); receiving[me] = NOT_RECEIVING
        :: receiving[me] == RECEIVES && !over -> looked = true
        :: receiving[me] == NOT_RECEIVING && !open
        :: receiving[me] == NOT_RECEIVING && open && queued ->
            queued = false;
            duty[me] = generation;
            state = TAKEN;
            more = true
        :: receiving[me] == NOT_RECEIVING && open && !queued ->
            receiving[me] = RECEIVES;
            receivers ! me;
            looked = true
        fi;
        if
        :: !looked -> thread[me] = RUNS; fast_receive[me] = false
        :: else
        fi
    }
}

/* Until the server has a call (more), or learns of an end. waits_already: by the short cut. */
inline receive(me)
{
    do
    :: if
       :: waits_already -> waits_already = false
       :: else ->
           d_step { fast_receive[me] = !limited; thread[me] = WAITING }
           receive_look(me);
           if
           :: !looked -> break
           :: looked -> looked = false
           fi
       fi;
       atomic {
           if
           :: thread[me] == WAITING -> thread[me] = BLOCKED
           :: else -> thread[me] = RUNS
           fi
       }
       if
       :: atomic { thread[me] == RUNS && !claimed[me] -> more = handed_over[me]; handed_over[me] = false }
       :: atomic { limited && thread[me] == BLOCKED -> thread[me] = RUNS; over = true; more = false }
       fi;
       if
       :: more -> break
       :: else
       fi
    od
}

proctype server(byte me)
{
    bool waits, more, limited, over, waits_already, looked, claims;
    byte copied, mine;

    do
    :: over = false;
       if
       :: limited = false
       :: limits && me == 1 && !waits_already -> limited = true /* its time may pass, or somebody may kill it */
       fi;
       receive(me);
       if
       :: !more -> break
       :: more -> d_step { more = false; limited = false; over = false }
       fi;
       if
       :: windows -> touch(duty[me])
       :: true
       fi;
       if
       :: end_duty(me, true)
       :: by_short_cut -> short_reply(me, waits_already);
          if
          :: !waits_already -> end_duty(me, true)
          :: else
          fi
       :: d_step { objects && saved == 0 -> saved = duty[me]; duty[me] = 0 }
       :: break /* it ends */
       fi
    :: saved && windows && !waits_already -> copy_by_object()
    :: saved && !waits_already -> answer_by_object(true)
    od;
    /* ipc_thread_ends(); then the handles are closed */
    if
    :: duty[me] && fault != FAULT_DUTY_DIES -> end_duty(me, false)
    :: else
    fi;
    answer_by_object(false);
    d_step { ended++; servers_ended++; over = false; limited = false; more = false; looked = false; waits_already = false }
}

/* --- the caller ------------------------------------------------------------------------------------------------ */
/* The caller takes its call back, with a reference for whoever has the duty to answer. */
inline withdraw_taken()
{
    d_step {
        thread[CALLER] = RUNS;
        withdrawn = state == TAKEN;
        if
        :: withdrawn ->
            state = IDLE;
            in_call = 0;
            refs = refs + (fault != FAULT_WITHDRAWN_UNCOUNTED)
        :: else
        fi
    }
    if
    :: fault == FAULT_WITHDRAWN_UNCOUNTED -> d_step { USES_CALLER; refs = refs + withdrawn }
    :: else
    fi
}

/* call_wait() and call_withdraw(). in_queue: the call may have been QUEUED. */
inline call_wait(in_queue)
{
    do
    ::
        if
        :: fault == FAULT_LOOK_THEN_ANNOUNCE -> answered = (state == ANSWERED); thread[CALLER] = WAITING
        :: else -> thread[CALLER] = WAITING; answered = (state == ANSWERED)
        fi;
        if
        :: answered ->
            if
            :: in_queue && fault != FAULT_CLOSED_WITHOUT_LOCK -> !lock /* takes it, and lets it go */
            :: else
            fi;
            d_step {
                assert(frame == 0 || frame == g);
                thread[CALLER] = RUNS;
                in_call = 0;
                state = IDLE;
                outcome[g] = (frame == 0 -> NO_ANSWER : OK);
                frame = 0
            }
            break
        :: !answered && (killed || (in_queue && late)) ->
            if
            :: in_queue ->
                d_step {
                    !lock;
                    thread[CALLER] = RUNS;
                    withdrawn = state == QUEUED;
                    if
                    :: withdrawn -> queued = false; in_call = 0; state = IDLE
                    :: else
                    fi
                }
            :: else
            fi;
            if
            :: !withdrawn -> withdraw_taken()
            :: else
            fi;
            if
            :: withdrawn -> d_step { outcome[g] = OVER; withdrawn = false } break
            :: else
            fi
        :: else -> thread_sleep(CALLER)
        fi
    od
}

/* ipc_call() */
inline slow_call()
{
    atomic {
        !lock;
        in_call = (open -> g : 0);
        if
        :: open && len(receivers) == 0 ->
            queued = true;
            generation = g;
            state = QUEUED
        :: open && len(receivers) > 0 ->
            receivers ? s;
            generation = g;
            duty[s] = g;
            state = TAKEN;
            receiving[s] = GOT;
            got_call[s] = true;
            thread_wake(s)
        :: !open -> outcome[g] = NO_ANSWER; closed[g]++
        fi
    }
    if
    :: in_call == g -> call_wait(true)
    :: else
    fi
}

/* ipc_fast_call(). done: the call is over. */
inline short_call()
{
    atomic {
        done = false;
        if
        :: !lock && receivers ? [s] ->
            receivers ? <s>;
            if
            :: fast_receive[s] && thread[s] == BLOCKED ->
                thread[s] = RUNS;
                fast_receive[s] = false;
                claimed[s] = true;
                receivers ? s;
                receiving[s] = NOT_RECEIVING;
                duty[s] = g;
                generation = g;
                state = TAKEN;
                in_call = g;
                resumable = true;
                done = true
            :: else
            fi
        :: else
        fi
    }
    if
    :: done ->
        thread[CALLER] = WAITING;
        d_step { /* the look at a kill; then the hand-over */
            if
            :: killed && thread[CALLER] == WAITING -> thread[CALLER] = WOKEN
            :: else
            fi;
            handed_over[s] = true;
            claimed[s] = false
        }
        thread_sleep(CALLER);
        resumable = false;
        if
        :: handed_over[CALLER] ->
            d_step { handed_over[CALLER] = false; in_call = 0; outcome[g] = OK; assert(frame == g); frame = 0 }
        :: else -> call_wait(false)
        fi
    :: else
    fi
}

proctype caller()
{
    byte g, s;
    bool answered, withdrawn, done;

    for (g : 1 .. calls) {
        if
        :: killed -> break
        :: else
        fi;
        late = false;
        if
        :: by_short_cut -> short_call()
        :: done = false
        fi;
        if
        :: !done -> slow_call()
        :: else
        fi
    }
    skip;
    d_step { refs--; ended++; caller_ended = true; g = 0; s = 0; answered = false; withdrawn = false; done = false }
}

/* --- the others --------------------------------------------------------------------------------------------------- */
/* endpoint_close() */
proctype closer()
{
    byte s;
    bool more = true;

    closes || caller_ended || servers_ended == 2; /* their handles are closed with them */
    open = false;
    do
    :: more ->
        atomic {
            !lock;
            if
            :: queued ->
                queued = false;
                frame = 0;
                closed[generation]++;
                lock = true; /* the answer is seen before the caller is woken */
                state = ANSWERED
            :: !queued && len(receivers) > 0 ->
                receivers ? s;
                receiving[s] = GOT;
                got_call[s] = false;
                thread_wake(s)
            :: else -> more = false
            fi
        }
        if
        :: lock -> d_step { USES_CALLER }; thread_wake(CALLER); lock = false
        :: else
        fi
    :: else -> break
    od;
    skip;
    d_step { ended++; s = 0 }
}

/* The kernel's timer, or another process. It doesn't touch a caller that has ended. */
proctype killer()
{
    if
    :: late = true
    :: killed = true
    :: true
    fi;
    atomic {
        if
        :: refs > 0 -> thread_wake(CALLER)
        :: else
        fi
    }
    ended++
}

proctype judge()
{
    byte g;

    ended == 5;
    assert(refs == 0);
    assert(duty[0] == 0 && duty[1] == 0 && saved == 0 && !queued && len(receivers) == 0);
    for (g : 1 .. calls) {
        assert(replied[g] + dropped[g] + refused[g] + closed[g] <= 1);
        if
        :: outcome[g] == OK -> assert(replied[g] == 1)
        :: outcome[g] == NO_ANSWER -> assert(dropped[g] + closed[g] == 1)
        :: outcome[g] == OVER -> assert(replied[g] + dropped[g] + closed[g] == 0)
        :: else -> assert(killed)
        fi
    }
}

/* "1" in the environment, or another number. */
c_code {
    static int given(const char *name, int otherwise)
    {
        const char *text = getenv(name);
        return text ? atoi(text) : otherwise;
    }
}

init {
    atomic {
        c_code {
            calls = given("CALLS", 1);
            fault = given("FAULT", 0);
            by_short_cut = given("SHORT", 0);
            objects = given("OBJECTS", 0);
            windows = given("WINDOWS", 0);
            limits = given("LIMITS", 0);
            closes = given("CLOSES", 1);
        };
        run caller();
        run server(0);
        run server(1);
        run closer();
        run killer();
        run judge()
    }
}
