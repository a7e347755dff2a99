CREATE TABLE "daily_measures" (
	"day" date NOT NULL,
	"measure" varchar(50) NOT NULL,
	"total" bigint NOT NULL,
	"amount" bigint NOT NULL,
	CONSTRAINT "daily_measures_day_measure_pk" PRIMARY KEY("day","measure")
);
--> statement-breakpoint
CREATE TABLE "inbox" (
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "inbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"consumer" varchar(50) NOT NULL,
	"event_id" uuid NOT NULL,
	"aggregate_type" varchar(50) NOT NULL,
	"aggregate_id" bigint NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"last_error" text,
	"event" jsonb NOT NULL,
	"settled_at" timestamp(3) with time zone,
	CONSTRAINT "inbox_consumer_event_id_pk" PRIMARY KEY("consumer","event_id"),
	CONSTRAINT "inbox_state_known" CHECK ("inbox"."state" in ('pending', 'done', 'parked'))
);
--> statement-breakpoint
CREATE TABLE "stream_positions" (
	"stream" varchar(50) PRIMARY KEY NOT NULL,
	"created" varchar(50) NOT NULL,
	"sequence" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"event_id" uuid DEFAULT gen_random_uuid() NOT NULL,
	"name" varchar(100) NOT NULL,
	"version" integer NOT NULL,
	"aggregate_type" varchar(50) NOT NULL,
	"aggregate_id" bigint NOT NULL,
	"request_id" varchar(128) NOT NULL,
	"payload" jsonb NOT NULL,
	"occurred_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"relayed_at" timestamp(3) with time zone,
	"fault" text,
	CONSTRAINT "outbox_event_id_unique" UNIQUE("event_id")
);
--> statement-breakpoint
CREATE INDEX "idx_inbox_pending" ON "inbox" USING btree ("consumer","id") WHERE "inbox"."state" = 'pending';--> statement-breakpoint
CREATE INDEX "idx_inbox_parked" ON "inbox" USING btree ("id") WHERE "inbox"."state" = 'parked';--> statement-breakpoint
CREATE INDEX "idx_inbox_settled_at" ON "inbox" USING btree ("settled_at") WHERE "inbox"."state" = 'done';--> statement-breakpoint
CREATE INDEX "idx_outbox_unrelayed" ON "outbox" USING btree ("id") WHERE "outbox"."relayed_at" is null and "outbox"."fault" is null;--> statement-breakpoint
CREATE INDEX "idx_outbox_parked" ON "outbox" USING btree ("id") WHERE "outbox"."relayed_at" is null and "outbox"."fault" is not null;--> statement-breakpoint
CREATE INDEX "idx_outbox_relayed_at" ON "outbox" USING btree ("relayed_at");--> statement-breakpoint
CREATE INDEX "idx_outbox_occurred_at" ON "outbox" USING btree ("occurred_at");