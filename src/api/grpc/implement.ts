import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { GrpcCaller, GrpcContext, MemberCall, ServiceCall } from './context.ts';

type Run<C, I, O> = (ctx: C, request: I) => O;

/** A method and whom it is for; only they reach `run`. */
export type Method<I, O> = { caller: GrpcCaller; run: Run<GrpcContext, I, O> };

type MethodOf<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? Method<MessageShape<I>, Promise<MessageInitShape<O>>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? Method<MessageShape<I>, Promise<AsyncIterable<MessageInitShape<O>>>>
      : never;

type Implementation<S extends DescService> = { [M in keyof S['method']]: MethodOf<S['method'][M]> };

export type GrpcService = {
  definition: DescService;
  methods: Readonly<Record<string, Method<never, unknown>>>;
};

/** Every method of a service, checked against its definition. */
export const implement = <S extends DescService>(
  definition: S,
  methods: Implementation<S>,
): GrpcService => ({
  definition,
  methods,
});

/** The caller was checked before `run` is reached: that is what its narrower context says. */
const methodFor =
  <C extends GrpcContext>(caller: GrpcCaller) =>
  <I, O>(run: Run<C, I, O>): Method<I, O> => ({ caller, run: run as Run<GrpcContext, I, O> });

export const members = methodFor<MemberCall>('member');
export const services = methodFor<ServiceCall>('service');
export const either = methodFor<GrpcContext>('either');
