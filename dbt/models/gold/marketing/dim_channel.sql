with channels as (
    select * from {{ ref('channels') }}
),

channels_of_the_data as (
    select {{ channel_of('channel') }} as channel from {{ ref('touchpoints') }}
    union distinct
    select {{ channel_of('channel') }} as channel from {{ ref('tickets') }}
    union distinct
    select {{ channel_of('campaign_type') }} as channel from {{ ref('campaigns') }}
),

described as (
    select
        coalesce(channels.channel, channels_of_the_data.channel) as channel,
        coalesce(channels.channel_name, channels_of_the_data.channel) as channel_name,
        coalesce(channels.channel_kind, 'other') as channel_kind,
        channels.is_personal,
        channels_of_the_data.channel is not null as is_in_data,
        channels.description
    from channels
    full outer join channels_of_the_data on channels.channel = channels_of_the_data.channel
)

select * from described
